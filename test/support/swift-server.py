"""OpenStack Swift with its S3 API, all of its servers in one process: swift-server.py DIR.

Listens on ports that the system chooses and prints `ready PORT`, that of the S3 API. Ends with its standard input.
"""
import os
import sys

import eventlet

eventlet.monkey_patch()

from swift.common import utils  # noqa: E402

DIR = os.path.abspath(sys.argv[1])

SWIFT = """[swift-hash]
swift_hash_path_suffix = test
[storage-policy:0]
name = Policy-0
default = yes
"""

STORAGE = """[DEFAULT]
swift_dir = {dir}
devices = {dir}/devices
mount_check = false
disk_chunk_size = 1048576
network_chunk_size = 1048576
log_level = WARNING
[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
fallocate_reserve = 0
"""

PROXY = """[DEFAULT]
swift_dir = {dir}
log_level = WARNING
[pipeline:main]
pipeline = catch_errors gatekeeper s3api tempauth slo dlo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
object_chunk_size = 1048576
client_chunk_size = 1048576
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:s3api]
use = egg:swift#s3api
auth_pipeline_check = false
location = us-east-1
min_segment_size = 1
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
[filter:slo]
use = egg:swift#slo
rate_limit_after_segment = 1000
[filter:dlo]
use = egg:swift#dlo
"""


def write(name, text):
    path = os.path.join(DIR, name)
    with open(path, "w") as file:
        file.write(text)
    return path


def ring(name, port):
    from swift.common.ring.builder import RingBuilder

    builder = RingBuilder(1, 1, 1)
    place = {"ip": "127.0.0.1", "replication_ip": "127.0.0.1", "port": port, "replication_port": port}
    builder.add_dev({"id": 0, "region": 1, "zone": 1, "weight": 1, "device": "d1", **place})
    builder.rebalance()
    builder.get_ring().save(os.path.join(DIR, name + ".ring.gz"))


class Memory:
    """What memcached is for Swift, for one process; keys live as long as it does."""

    def __init__(self):
        self.values = {}

    def get(self, key, raise_on_error=False):
        return self.values.get(key)

    def set(self, key, value, serialize=True, time=0, min_compress_len=0, raise_on_error=False):
        self.values[key] = value

    def incr(self, key, delta=1, time=0):
        self.values[key] = self.values.get(key, 0) + delta
        return self.values[key]

    def delete(self, key, server_key=None):
        self.values.pop(key, None)


def with_memory(app):
    memory = Memory()

    def run(environ, start_response):
        environ["swift.cache"] = memory
        return app(environ, start_response)

    return run


def serve(sock, path, section):
    """As wsgi.run_server, which cannot be called for several servers in one process."""
    from eventlet import wsgi as eventlet_wsgi
    from swift.common import wsgi
    from swift.common.http_protocol import SwiftHttpProtocol

    app = wsgi.loadapp(path, global_conf={"log_name": section})
    eventlet.spawn(
        eventlet_wsgi.server,
        sock,
        with_memory(app),
        utils.NullLogger(),
        protocol=SwiftHttpProtocol,
        socket_timeout=60,
        capitalize_response_headers=False,
    )


def main():
    write("swift.conf", SWIFT)
    utils.set_swift_dir(DIR)
    os.makedirs(os.path.join(DIR, "devices", "d1"))
    from swift.common import storage_policy

    storage_policy.reload_storage_policies()
    servers = []
    for kind in ("account", "container", "object", "proxy"):
        sock = eventlet.listen(("127.0.0.1", 0), backlog=128)
        if kind != "proxy":
            ring(kind, sock.getsockname()[1])
        text = (PROXY if kind == "proxy" else STORAGE).format(dir=DIR, kind=kind)
        servers.append((sock, write(kind + ".conf", text), kind + "-server"))
    for server in servers:
        serve(*server)
    print("ready", servers[-1][0].getsockname()[1], flush=True)
    eventlet.patcher.original("threading").Thread(target=end_with_input, daemon=True).start()
    while True:
        eventlet.sleep(3600)


def end_with_input():
    while eventlet.patcher.original("os").read(0, 1024):
        pass
    os._exit(0)


main()
