"""One action over Paramiko: HOST PORT USER KEY exec|put|get|list ARGUMENT..."""
import sys

import paramiko

host, port, user, key, action, *args = sys.argv[1:]
client = paramiko.SSHClient()
client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
client.connect(host, int(port), user, key_filename=key, allow_agent=False, look_for_keys=False)
try:
    if action == "exec":
        _, stdout, stderr = client.exec_command(args[0])
        sys.stdout.write(stdout.read().decode())
        sys.stderr.write(stderr.read().decode())
        sys.exit(stdout.channel.recv_exit_status())
    sftp = client.open_sftp()
    if action == "put":
        sftp.put(*args)
    elif action == "get":
        sftp.get(*args)
    else:
        print("\n".join(sftp.listdir(args[0])))
finally:
    client.close()
