# A service manager's end of sd_notify(3): prints every datagram as one line of JSON. The argument is the path of the socket,
# an abstract one after an @.
import json
import socket
import sys

path = sys.argv[1]
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind("\0" + path[1:] if path.startswith("@") else path)
print(json.dumps("bound"), flush=True)
while True:
    # Descriptors that come along, for systemd-notify to see that its message was read, are closed by not being taken.
    print(json.dumps(receiver.recv(65536).decode()), flush=True)
