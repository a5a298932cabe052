"""Asks for features with requests and prints the SHA-256 of what it makes of the answer: client.py URL TOKEN CODING"""
import hashlib
import sys

import requests

url, token, coding = sys.argv[1:]
headers = {"authorization": token, "unleash-client-spec": "5.2.0", "accept-encoding": coding}
answer = requests.get(url, headers=headers, timeout=30)
answer.raise_for_status()
# An answer in pieces is not sent as zstd: this client would read the first piece alone.
expected = "identity" if coding == "zstd" else coding
assert answer.headers.get("content-encoding", "identity") == expected, answer.headers
print(hashlib.sha256(answer.content).hexdigest())
