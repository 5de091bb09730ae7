import assert from 'node:assert/strict';
import {v1} from '@google-cloud/pubsub';
import {ALREADY_EXISTS, NOT_FOUND, options, project} from './cloud.mjs';

const publisher = new v1.PublisherClient(options);
const subscriber = new v1.SubscriberClient(options);
const topic = `projects/${project}/topics/topic-a`;
const subscription = `projects/${project}/subscriptions/topic-a`;

// Create.
for (const letter of ['a', 'b', 'c']) {
  const name = `projects/${project}/topics/topic-${letter}`;
  const [made] = await publisher.createTopic({name});
  assert.equal(made.name, name);
}
await assert.rejects(publisher.createTopic({name: topic}), {code: ALREADY_EXISTS});
const [made] = await subscriber.createSubscription({name: subscription, topic, ackDeadlineSeconds: 20});
assert.equal(made.state, 'ACTIVE');
assert.equal(made.messageRetentionDuration.seconds, '604800');

// Get and list, by pages.
const [read] = await publisher.getTopic({topic});
assert.equal(read.name, topic);
const pages = [];
for (let request = {project: `projects/${project}`, pageSize: 2}; request;) {
  const [page, next] = await publisher.listTopics(request, {autoPaginate: false});
  pages.push(page.map(each => each.name.at(-1)).join(''));
  request = next?.pageToken ? next : null;
}
assert.deepEqual(pages, ['ab', 'c']);

// Update.
await publisher.updateTopic({topic: {name: topic, labels: {team: 'web'}}, updateMask: {paths: ['labels']}});
const [labelled] = await publisher.getTopic({topic});
assert.deepEqual({...labelled.labels}, {team: 'web'});

// Publish, pull and acknowledge.
const [published] = await publisher.publish({topic, messages: [
  {data: Buffer.from('hello'), attributes: {n: '1'}}, {data: Buffer.from([0, 255])}]});
assert.equal(published.messageIds.length, 2);
const received = [];
while (received.length < 2) {
  const [{receivedMessages}] = await subscriber.pull({subscription, maxMessages: 10});
  received.push(...receivedMessages);
}
received.sort((one, other) => other.message.data.length - one.message.data.length);
assert.equal(Buffer.from(received[0].message.data).toString(), 'hello');
assert.deepEqual({...received[0].message.attributes}, {n: '1'});
assert.deepEqual([...received[1].message.data], [0, 255]);
assert.ok(Number(received[0].message.publishTime.seconds) > 0);
await subscriber.acknowledge({subscription, ackIds: received.map(each => each.ackId)});

// IAM is not called: over REST, google-gax 5 posts :getIamPolicy, which Pub/Sub's
// discovery document has with GET only.

// Delete.
await subscriber.deleteSubscription({subscription});
await publisher.deleteTopic({topic});
await assert.rejects(publisher.getTopic({topic}), {code: NOT_FOUND});
await assert.rejects(subscriber.getSubscription({subscription}), {code: NOT_FOUND});
