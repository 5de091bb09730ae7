"""Runs gcloud commands, each in a fork of one process that has gcloud imported.

argv: the installation's root, the path of the socket. Each connection sends one
command: a JSON object with "arguments", "environment" and "directory", and stdin,
stdout and stderr as file descriptors. The answer is the exit status in decimal.

A child reports which modules it imported. The parent imports them too, so that
later children start with them. A child ends when its client goes away, the server
when its stdin is closed.
"""

import gc
import importlib
import json
import os
import selectors
import signal
import socket
import sys

# The collector walks all that is imported, and makes each child copy it. Commands end
# before they leave much.
gc.disable()

root, path = sys.argv[1:]
sys.path.insert(0, os.path.join(root, 'lib'))
sys.argv = [os.path.join(root, 'lib', 'gcloud.py')]

# pylint: disable=g-import-not-at-top
import gcloud

gcloud._import_gcloud_main()  # pylint: disable=protected-access

# Modules whose import has no effect but definitions. Others stay with the child.
PREFIXES = ('googlecloudsdk.', 'apitools.', 'google.', 'requests', 'urllib3', 'oauth2client', 'ruamel')


def run(command, files):
  """Runs one command in this process, and returns its exit status."""
  for number, file in enumerate(files):
    os.dup2(file, number)
    os.close(file)
  os.environ.clear()
  os.environ.update(command['environment'])
  os.chdir(command['directory'])
  sys.argv = sys.argv[:1] + command['arguments']
  try:
    gcloud.main()
    status = 0
  except SystemExit as e:
    status = e.code if isinstance(e.code, int) else int(e.code is not None)
  except BaseException:  # pylint: disable=broad-except
    sys.excepthook(*sys.exc_info())
    status = 1
  sys.stdout.flush()
  sys.stderr.flush()
  return status


class Child:
  """One command that runs in a fork."""

  def __init__(self, connection):
    self.connection = connection
    message, files, _, _ = socket.recv_fds(connection, 1 << 20, 3)
    while not message.endswith(b'\n'):
      more = connection.recv(1 << 20)
      if not more:
        raise EOFError
      message += more
    self.report, report = os.pipe()
    self.reported = b''
    before = set(sys.modules)
    self.pid = os.fork()
    if self.pid == 0:
      status = run(json.loads(message), files)
      loaded = [m for m in sys.modules if m not in before and m.startswith(PREFIXES)]
      with os.fdopen(report, 'w') as pipe:
        pipe.write('\n'.join(loaded))
      os._exit(status)  # pylint: disable=protected-access
    os.close(report)
    for file in files:
      os.close(file)

  def read(self):
    """Reads what the child reports. Returns whether the child has ended."""
    data = os.read(self.report, 1 << 16)
    self.reported += data
    return not data

  def end(self):
    """Answers the client, and learns the child's modules."""
    _, status = os.waitpid(self.pid, 0)
    try:
      self.connection.sendall(b'%d' % os.waitstatus_to_exitcode(status))
    except OSError:
      pass  # the client is gone
    os.close(self.report)
    self.connection.close()
    for module in self.reported.decode().split():
      try:
        importlib.import_module(module)
      except Exception:  # pylint: disable=broad-except
        pass  # each child imports it by itself


def main():
  listener = socket.socket(socket.AF_UNIX)
  listener.bind(path)
  listener.listen(128)
  print('ready', flush=True)
  selector = selectors.DefaultSelector()
  selector.register(sys.stdin, selectors.EVENT_READ, 'owner')
  selector.register(listener, selectors.EVENT_READ, 'listener')
  while True:
    for key, _ in selector.select():
      if key.data == 'owner':
        return
      elif key.data == 'listener':
        connection, _ = listener.accept()
        try:
          child = Child(connection)
        except (EOFError, OSError):
          connection.close()
          continue
        selector.register(child.report, selectors.EVENT_READ, child)
        selector.register(connection, selectors.EVENT_READ, child)
      elif key.fileobj is key.data.connection:
        selector.unregister(key.fileobj)
        os.kill(key.data.pid, signal.SIGKILL)
      elif key.data.read():
        selector.unregister(key.data.report)
        if key.data.connection in selector.get_map():
          selector.unregister(key.data.connection)
        key.data.end()


main()
