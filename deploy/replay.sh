#!/usr/bin/env bash
# Publishes dead letters to their original topic again, once their cause is fixed. A
# message that fails again comes back here after thirty more attempts.
#
#   deploy/replay.sh projects/P/subscriptions/iapguard-dead-letters
#
# Needs gcloud, curl and jq; roles/pubsub.subscriber on the subscription,
# roles/pubsub.viewer on the project, and roles/pubsub.publisher on the topics.
set -euo pipefail

subscription=${1:-}
[[ "$subscription" =~ ^projects/[^/]+/subscriptions/[^/]+$ ]] || {
  echo "replay: the subscription is '$subscription': write projects/P/subscriptions/S, as terraform output replay does" >&2
  exit 2
}
for program in gcloud curl jq; do
  command -v "$program" > /dev/null || { echo "replay: $program is missing: install it" >&2; exit 2; }
done
api=${PUBSUB_API:-https://pubsub.googleapis.com}/v1
token=$(gcloud auth print-access-token)

# The token goes by stdin and not by an argument, which others can see.
call() { # method, path; the body on stdin
  local body
  body=$(cat)
  curl --silent --show-error --fail-with-body --request "$1" "$api/$2" \
    --header "Content-Type: application/json" --header @<(echo "Authorization: Bearer $token") \
    ${body:+--data-binary @<(printf '%s' "$body")}
}

replayed=0
while :; do
  letters=$(echo '{"maxMessages": 100}' | call POST "$subscription:pull" | jq --compact-output '.receivedMessages // [] | .[]')
  [ -n "$letters" ] || break
  while read -r letter; do
    # Pub/Sub writes into a dead letter where it comes from
    # (pubsub/docs/handling-failures); these attributes are not passed on.
    origin=$(jq --raw-output '.message.attributes // {} |
      select(.CloudPubSubDeadLetterSourceSubscription) |
      "projects/\(.CloudPubSubDeadLetterSourceSubscriptionProject)/subscriptions/\(.CloudPubSubDeadLetterSourceSubscription)"' <<< "$letter")
    [ -n "$origin" ] || {
      echo "replay: $(jq --raw-output .message.messageId <<< "$letter") does not say where it comes from: look at it, and acknowledge it by hand" >&2
      exit 1
    }
    topic=$(call GET "$origin" < /dev/null | jq --raw-output .topic)
    jq '{messages: [.message | {data, orderingKey, attributes: ((.attributes // {}) | with_entries(select(.key | startswith("CloudPubSubDeadLetter") | not)))}
      | with_entries(select(.value != null))]}' <<< "$letter" | call POST "$topic:publish" > /dev/null
    # Only now: a replay that is cut off repeats a message rather than lose it.
    jq '{ackIds: [.ackId]}' <<< "$letter" | call POST "$subscription:acknowledge" > /dev/null
    replayed=$((replayed + 1))
  done <<< "$letters"
done
echo "replay: $replayed put back"
