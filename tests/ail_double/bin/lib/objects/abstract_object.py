"""What all objects have: a global id '<type>:<subtype>:<id>', tags, correlations, duplicates, fields of their own."""

from __future__ import annotations

import logging

from lib import Duplicate, Tag, correlations_engine
from lib.ail_queues import is_obj_in_process
from lib.ConfigLoader import ConfigLoader

r_object = ConfigLoader().get_db_conn("Kvrocks_Objects")


class AbstractObject:
    def __init__(self, obj_type, id, subtype=None):
        self.id = id
        self.type = obj_type
        self.subtype = subtype
        self.logger = logging.getLogger(type(self).__name__)

    def get_id(self):
        return self.id

    def get_type(self):
        return self.type

    def get_subtype(self, r_str=False):
        return self.subtype or ("" if r_str else self.subtype)

    def get_global_id(self):
        return f"{self.type}:{self.subtype or ''}:{self.id}"

    def is_being_processed(self):
        return is_obj_in_process(self.get_global_id())

    # fields

    @property
    def _meta(self):
        return f"meta:{self.type}:{self.subtype}:{self.id}" if self.subtype else f"meta:{self.type}:{self.id}"

    def exists(self):
        return r_object.exists(self._meta)

    def _get_field(self, field):
        return r_object.hget(self._meta, field)

    def _set_field(self, field, value):
        return r_object.hset(self._meta, field, value)

    def _delete_field(self, field):
        return r_object.hdel(self._meta, field)

    # tags

    def get_tags(self, r_list=False):
        tags = Tag.get_object_tags(self.type, self.id, self.get_subtype(r_str=True))
        return list(tags) if r_list else tags

    def add_tag(self, tag):
        Tag.add_object_tag(tag, self.type, self.id, subtype=self.get_subtype(r_str=True))
        if self.type == "screenshot" and not Tag.is_tag_safe(tag):
            for domain in self.get_correlation("domain")["domain"]:  # with its leading ':', as AIL does: the domain itself stays without
                Tag.add_object_tag(tag, "domain", domain)

    def is_tags_safe(self, tags=None):
        return Tag.is_tags_safe(tags or self.get_tags())

    # duplicates

    def get_duplicates(self):
        return Duplicate.get_obj_duplicates(self.type, self.get_subtype(r_str=True), self.id)

    def add_duplicate(self, algo, similarity, id_2):
        return Duplicate.add_obj_duplicate(algo, similarity, self.type, self.get_subtype(r_str=True), self.id, id_2)

    # correlations

    def get_correlation(self, obj_type):
        """Of one type, whether pages know the pair or not: {type: {'<subtype>:<id>', ...}}."""
        return correlations_engine.get_correlations(self.type, self.subtype, self.id, filter_types=[obj_type], sanityze=False)

    def get_correlations(self, filter_types=(), unpack=False):
        return correlations_engine.get_correlations(self.type, self.subtype, self.id, filter_types=filter_types, unpack=unpack)

    def get_nb_correlation(self, correl_type):
        return correlations_engine.get_nb_correlation_by_correl_type(self.type, self.subtype, self.id, correl_type)

    def get_nb_correlations(self, filter_types=()):
        return correlations_engine.get_nb_correlations(self.type, self.subtype, self.id, filter_types=filter_types)

    def exists_correlation(self, type2):
        return correlations_engine.exists_obj_correlation(self.type, self.subtype, self.id, type2)

    def is_correlated(self, type2, subtype2, id2):
        return correlations_engine.is_obj_correlated(self.type, self.subtype, self.id, type2, subtype2, id2)

    def are_correlated(self, object2):
        return self.is_correlated(object2.type, object2.subtype, object2.id)

    def add_correlation(self, type2, subtype2, id2):
        correlations_engine.add_obj_correlation(self.type, self.subtype, self.id, type2, subtype2, id2)

    def delete_correlation(self, type2, subtype2, id2):
        correlations_engine.delete_obj_correlation(self.type, self.subtype, self.id, type2, subtype2, id2)


class Dated(AbstractObject):
    """An object that knows when it was first and last seen (yyyymmdd)."""

    def get_first_seen(self, r_int=False):
        seen = self._get_field("first_seen")
        return int(seen or 99999999) if r_int else seen

    def get_last_seen(self, r_int=False):
        seen = self._get_field("last_seen")
        return int(seen or 0) if r_int else seen

    def update_daterange(self, date):
        self._set_field("first_seen", min(int(date), self.get_first_seen(r_int=True)))
        self._set_field("last_seen", max(int(date), self.get_last_seen(r_int=True)))

    def add(self, date, obj):
        """Seen on that day in that object."""
        self.update_daterange(date)
        self.add_correlation(obj.type, obj.get_subtype(r_str=True), obj.id)
