"""Answers questions with PyPI UnleashClient, which polls /api/client/features and evaluates by itself."""

import json
import os
import sys
import tempfile

from UnleashClient import UnleashClient

with tempfile.TemporaryDirectory() as cache:
    unleash = UnleashClient(
        url=os.environ["SDK_URL"] + "/api",
        app_name=os.environ["SDK_APP_NAME"],
        custom_headers={"Authorization": os.environ["SDK_TOKEN"]},
        refresh_interval=1,
        metrics_interval=1,
        cache_directory=cache,
    )
    unleash.initialize_client()
    print('{"ready":true}', flush=True)
    for line in sys.stdin:
        question = json.loads(line)
        flag, context = question["flag"], question["context"]
        answer = {
            "enabled": unleash.is_enabled(flag, context),
            "variant": unleash.get_variant(flag, context),
        }
        print(json.dumps(answer), flush=True)
    unleash.destroy()
