"""Reads configs/core.cfg (or another file of configs/) and connects to the servers it names."""

from __future__ import annotations

import configparser
import os

import redis

config_dir = os.path.join(os.environ["AIL_HOME"], "configs")
default_config_file = os.path.join(config_dir, "core.cfg")
if not os.path.exists(default_config_file):
    raise Exception(f"There is no {default_config_file}.")


class ConfigLoader:
    """A plain configparser: no inline comments, values as they stand."""

    def __init__(self, config_file: str | None = None) -> None:
        self.cfg = configparser.ConfigParser()
        self.cfg.read(os.path.join(config_dir, config_file) if config_file else default_config_file)

    def get_redis_conn(self, redis_name, decode_responses=True):
        """By host, port and db; never with a password."""
        where = self.cfg[redis_name]
        return redis.StrictRedis(host=where["host"], port=int(where["port"]), db=int(where["db"]), decode_responses=decode_responses)

    def get_db_conn(self, db_name, decode_responses=True):
        """By host, port and password (Kvrocks: the password names the namespace); never with a db."""
        where = self.cfg[db_name]
        return redis.StrictRedis(host=where["host"], port=int(where["port"]), password=where["password"], decode_responses=decode_responses)

    def get_files_directory(self, key_name):
        """A folder of [Directories]: as it is when absolute, else under AIL_HOME."""
        return os.path.join(os.environ["AIL_HOME"], self.cfg.get("Directories", key_name))

    def get_config_sections(self):
        return self.cfg.sections()

    def get_config_str(self, section, key_name):
        return self.cfg.get(section, key_name)

    def get_config_int(self, section, key_name):
        return self.cfg.getint(section, key_name)

    def get_config_boolean(self, section, key_name):
        return self.cfg.getboolean(section, key_name)

    def has_option(self, section, key_name):
        return self.cfg.has_option(section, key_name)

    def has_section(self, section):
        return self.cfg.has_section(section)

    def get_all_keys_values_from_section(self, section):
        return list(self.cfg[section].items()) if section in self.cfg else []


ITEMS_FOLDER = os.path.join(os.path.realpath(ConfigLoader().get_files_directory("pastes")), "")
