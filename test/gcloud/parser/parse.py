"""Parses gcloud commands as gcloud does, without running any.

Reads a JSON list of argument lists, without gcloud itself, from stdin. Writes a
JSON list with, for each, the reason why gcloud refuses it, or "". The argument is
the installation's root. The tree of commands is loaded once. CLI.Execute does
what it does for a typed command, up to the command's Run, which is replaced.
"""

import io
import json
import os
import sys

root = sys.argv[1]
for folder in ('lib', os.path.join('lib', 'third_party')):
  sys.path.insert(0, os.path.join(root, folder))

# pylint: disable=g-import-not-at-top
from googlecloudsdk import gcloud_main
from googlecloudsdk.calliope import backend
from googlecloudsdk.core import log

ACCEPTED = object()
backend.Command.Run = lambda self, cli, args: ACCEPTED


def refusal(cli, arguments):
  """Returns why gcloud refuses the arguments, "" if it would run the command."""
  said = io.StringIO()
  sys.stdout = sys.stderr = said  # usage and help are written past the log
  log.Reset(stdout=said, stderr=said)
  try:
    if cli.Execute(arguments, call_arg_complete=False) is ACCEPTED:
      return ''
    return 'gcloud ran something else: ' + said.getvalue()
  except SystemExit as e:
    return said.getvalue().strip() or 'gcloud ended with status %s' % e.code
  except Exception as e:  # pylint: disable=broad-except
    return '%s: %s' % (type(e).__name__, e)


def main():
  answer = sys.stdout
  cli = gcloud_main.CreateCLI([])
  json.dump([refusal(cli, each) for each in json.load(sys.stdin)], answer)
  answer.flush()


main()
