"""Custody under chaos: what test_custody.py is made of.

facts    what happened, as values, and a transcript on disk
load     clients that behave like queues: each message is tried until it was taken
secure   TLS for both
mailhost mail servers that fail in every way and know what they said
chaos    kills, reloads, DNS outages, full disks
judge    the rules, and the story of what broke one
"""
