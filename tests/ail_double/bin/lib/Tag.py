"""Tags of objects: any string; written by the module Tags, confirmed by a person."""

from __future__ import annotations

import datetime
import time

from lib.ConfigLoader import ConfigLoader

r_tags = ConfigLoader().get_db_conn("Kvrocks_Tags")

UNSAFE_TAGS = {f'dark-web:topic="{topic}"' for topic in ("violence", "pornography-illicit-or-illegal", "pornography-child-exploitation")}


def get_unsafe_tags():
    return UNSAFE_TAGS


def is_tag_safe(tag):
    return tag not in UNSAFE_TAGS


def is_tags_safe(ltags):
    return UNSAFE_TAGS.isdisjoint(ltags)


def item_date(item_id):
    """A crawled item is crawled/<year>/<month>/<day>/<domain><uuid>."""
    return "".join(item_id.split("/")[-4:-1])


def tagged_key(tag, obj_type, obj_id, subtype):
    if obj_type == "item":
        return f"{obj_type}:{subtype}:{tag}:{item_date(obj_id)}"
    if obj_type == "message":
        return f"{obj_type}:{subtype}:{tag}:{datetime.datetime.fromtimestamp(float(obj_id.split('/')[1])):%Y%m%d}"
    return f"{obj_type}:{subtype}:{tag}"


def get_object_tags(obj_type, obj_id, subtype=""):
    return r_tags.smembers(f"tag:{obj_type}:{subtype}:{obj_id}")


def is_obj_tagged_by_tag(obj_type, obj_id, tag, subtype=""):
    return r_tags.sismember(f"tag:{obj_type}:{subtype}:{obj_id}", tag)


def get_tag_objects(tag, obj_type, subtype="", date=""):
    return r_tags.smembers(f"{obj_type}:{subtype}:{tag}:{date}" if obj_type in ("item", "message") else f"{obj_type}:{subtype}:{tag}")


def add_object_tag(tag, obj_type, obj_id, subtype=""):
    """Once for each object; a crawled item's tag is its domain's too."""
    if not r_tags.sadd(f"tag:{obj_type}:{subtype}:{obj_id}", tag):
        return
    for name in ("list_tags", f"list_tags:{obj_type}", f"list_tags:{obj_type}:{subtype}"):
        r_tags.sadd(name, tag)
    r_tags.sadd(tagged_key(tag, obj_type, obj_id, subtype), obj_id)
    if obj_type == "item":
        note_day(tag, int(item_date(obj_id)))
    if obj_type == "item" and obj_id.startswith("crawled") and not tag.startswith("infoleak:submission="):
        add_object_tag(tag, "domain", obj_id[19:-36])
    r_tags.hincrby(f"daily_tags:{datetime.date.today():%Y%m%d}", tag, 1)
    r_tags.lpush("dashboard:tags", f"{int(time.time())}:{obj_type}:{subtype}:{obj_id}")
    r_tags.ltrim("dashboard:tags", 0, 19)


def note_day(tag, day):
    """The first and the last day of the items that have a tag."""
    first, last = (int(known or day) for known in r_tags.hmget(f"tag_metadata:{tag}", "first_seen", "last_seen"))
    r_tags.hset(f"tag_metadata:{tag}", mapping={"first_seen": min(first, day), "last_seen": max(last, day)})


def forget_day(tag, day):
    """AIL fails here if the tag has other days, and no item of its first day is left."""
    first, last = (int(known or 0) for known in r_tags.hmget(f"tag_metadata:{tag}", "first_seen", "last_seen"))
    if day != first or r_tags.exists(f"item::{tag}:{day}"):
        return
    if first != last:
        raise TypeError("'int' object is not subscriptable")
    r_tags.delete(f"tag_metadata:{tag}")


def delete_object_tag(tag, obj_type, id, subtype=""):
    if not is_obj_tagged_by_tag(obj_type, id, tag, subtype):
        return
    r_tags.srem(tagged_key(tag, obj_type, id, subtype), id)
    if obj_type == "item":
        forget_day(tag, int(item_date(id)))
    r_tags.srem(f"tag:{obj_type}:{subtype}:{id}", tag)


def confirm_tag(tag, obj):
    """The button of a tag: only tags of this prefix have one; the automatic tag stays."""
    if not tag.startswith("infoleak:automatic-detection"):
        return False
    obj.add_tag(tag.replace("automatic-detection", "analyst-detection", 1))
    return True
