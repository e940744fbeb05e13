"""Scores between two objects of one type: rows '<integer>:<algorithm>:<id>', one direction each, never deleted by AIL."""

from __future__ import annotations

from lib.ConfigLoader import ConfigLoader

r_serv_db = ConfigLoader().get_db_conn("Kvrocks_Duplicates")


def add_obj_duplicate(algo, similarity, obj_type, subtype, obj_id, id_2):
    r_serv_db.sadd(f"obj:duplicates:{obj_type}:{subtype}:{obj_id}", f"{similarity}:{algo}:{id_2}")


def get_obj_duplicates(obj_type, subtype, obj_id):
    found: dict = {}
    for row in r_serv_db.smembers(f"obj:duplicates:{obj_type}:{subtype}:{obj_id}"):
        similarity, algo, id_2 = row.split(":", 2)
        found.setdefault(id_2, []).append({"algo": algo, "similarity": int(similarity)})
    return found
