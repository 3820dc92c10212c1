"""One action over AsyncSSH: HOST PORT USER KEY exec|put|get|list ARGUMENT..."""
import asyncio
import sys
import warnings

warnings.filterwarnings("ignore")
import asyncssh  # noqa: E402

host, port, user, key, action, *args = sys.argv[1:]


async def main():
    async with asyncssh.connect(
        host, int(port), username=user, client_keys=[key], known_hosts=None, agent_path=None, config=None
    ) as connection:
        if action == "exec":
            result = await connection.run(args[0])
            sys.stdout.write(result.stdout)
            sys.stderr.write(result.stderr)
            return result.exit_status
        async with connection.start_sftp_client() as sftp:
            if action == "put":
                await sftp.put(*args)
            elif action == "get":
                await sftp.get(*args)
            else:
                print("\n".join(await sftp.listdir(args[0])))
    return 0


sys.exit(asyncio.run(main()))
