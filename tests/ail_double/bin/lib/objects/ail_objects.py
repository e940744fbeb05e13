"""From a global id to its object, and what an export says about a pair."""

from __future__ import annotations

from functools import partial

from lib.ail_core import AIL_OBJECTS
from lib.objects import Chats, Domains, Images, Messages, Screenshots
from lib.objects.abstract_object import AbstractObject
from lib.objects.Items import Item

OBJECTS_CLASS = {kind: {"obj": partial(AbstractObject, kind)} for kind in AIL_OBJECTS} | {
    "chat": {"obj": Chats.Chat},
    "domain": {"obj": Domains.Domain},
    "image": {"obj": Images.Image},
    "item": {"obj": Item},
    "message": {"obj": Messages.Message},
    "screenshot": {"obj": Screenshots.Screenshot},
}


def get_object(obj_type, subtype, obj_id):
    """Raises KeyError for a type that AIL does not have."""
    kind = OBJECTS_CLASS[obj_type]["obj"]
    return kind(str(obj_id), subtype) if subtype and subtype != "None" else kind(str(obj_id))


def get_obj_type_subtype_id_from_global_id(global_id):
    obj_type, subtype, obj_id = global_id.split(":", 2)
    return obj_type, subtype, obj_id


def get_obj_from_global_id(global_id):
    return get_object(*get_obj_type_subtype_id_from_global_id(global_id))


def exists_obj(obj_type, subtype, obj_id):
    return get_object(obj_type, subtype, obj_id).exists()


def add_obj_tag(obj_type, subtype, id, tag):
    get_object(obj_type, subtype, id).add_tag(tag)


def get_obj_tags(obj_type, subtype, id):
    return get_object(obj_type, subtype, id).get_tags()


def get_relationship_src_dest(src_type, obj1, obj2):
    return (obj1, obj2) if obj1.get_type() == src_type else (obj2, obj1)


# get misp relationship
def get_objects_relationship(obj1, obj2):
    obj_types = (obj1.get_type(), obj2.get_type())

    if 'decoded' in obj_types:
        relationship = 'included-in'
        src, dest = get_relationship_src_dest('decoded', obj1, obj2)
    elif 'screenshot' in obj_types:
        relationship = 'screenshot-of'
        src, dest = get_relationship_src_dest('screenshot', obj1, obj2)
    elif 'cookie-name' in obj_types:
        relationship = 'extracted-from' # TODO ######################################################## set-from
        src, dest = get_relationship_src_dest('cookie-name', obj1, obj2)
    elif 'domain' in obj_types:
        relationship = 'extracted-from'
        src, dest = get_relationship_src_dest('domain', obj1, obj2)
    # default
    else:
        relationship = None
        src = None
        dest = None
    if not relationship:
        return {}
    else:
        return {'src': src, 'dest': dest, 'relationship': relationship}
