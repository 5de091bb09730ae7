import assert from 'node:assert/strict';
import {protos, RevisionsClient, ServicesClient} from '@google-cloud/run';
import {ALREADY_EXISTS, INVALID_ARGUMENT, NOT_FOUND, options, project} from './cloud.mjs';

const services = new ServicesClient(options);
const revisions = new RevisionsClient(options);
const parent = `projects/${project}/locations/us-central1`;
const name = `${parent}/services/a`;
const template = {containers: [{image: 'us-docker.pkg.dev/cloudrun/container/hello'}]};

// Create. The result of an operation is a message as it was decoded, with its enums by number.
const {CONDITION_SUCCEEDED} = protos.google.cloud.run.v2.Condition.State;
const {INGRESS_TRAFFIC_ALL} = protos.google.cloud.run.v2.IngressTraffic;
for (const serviceId of ['a', 'b', 'c']) {
  const [operation] = await services.createService({parent, serviceId,
    service: {template, ingress: 'INGRESS_TRAFFIC_INTERNAL_ONLY'}});
  const [made] = await operation.promise();
  assert.equal(made.name, `${parent}/services/${serviceId}`);
  assert.equal(made.terminalCondition.state, CONDITION_SUCCEEDED);
}
await assert.rejects(services.createService({parent, serviceId: 'a', service: {template}}), {code: ALREADY_EXISTS});

// Get.
const [read] = await services.getService({name});
assert.equal(read.ingress, 'INGRESS_TRAFFIC_INTERNAL_ONLY');
assert.equal(read.launchStage, 'GA');
assert.equal(read.traffic[0].type, 'TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST');
assert.equal(read.generation, '1');
assert.equal(read.template.timeout.seconds, '300');
assert.ok(Number(read.createTime.seconds) > 0);

// List, by pages.
const pages = [];
for (let request = {parent, pageSize: 2}; request;) {
  const [page, next] = await services.listServices(request, {autoPaginate: false});
  pages.push(page.map(each => each.name.at(-1)).join(''));
  request = next?.pageToken ? next : null;
}
assert.deepEqual(pages, ['ab', 'c']);
const [all] = await services.listServices({parent, pageSize: 1});
assert.equal(all.length, 3);

// Update, by mask and whole.
const [masked] = await services.updateService({
  service: {name, ingress: 'INGRESS_TRAFFIC_ALL', description: 'not in the mask'}, updateMask: {paths: ['ingress']}});
const [updated] = await masked.promise();
assert.equal(updated.ingress, INGRESS_TRAFFIC_ALL);
assert.equal(updated.description, '');
const [whole] = await services.updateService({
  service: {...updated, labels: {team: 'web'}, template: {...template, timeout: {seconds: 20, nanos: 500000000}}}});
await whole.promise();
const [replaced] = await services.getService({name});
assert.deepEqual({...replaced.labels}, {team: 'web'});
assert.equal(replaced.template.timeout.seconds, '20');
assert.equal(replaced.template.timeout.nanos, 500000000);
await assert.rejects(services.updateService({service: {name, ingress: 'INGRESS_TRAFFIC_NONE'},
  updateMask: {paths: ['no_such_field']}}), {code: INVALID_ARGUMENT});
const [made] = await revisions.listRevisions({parent: name});
assert.equal(made.length, 2);
assert.equal(made[0].conditions[0].state, 'CONDITION_SUCCEEDED');

// IAM.
const binding = {role: 'roles/run.invoker', members: ['allUsers'], condition: null};
const [policy] = await services.getIamPolicy({resource: name, options: {requestedPolicyVersion: 3}});
await services.setIamPolicy({resource: name, policy: {...policy, bindings: [binding]}});
const [set] = await services.getIamPolicy({resource: name});
assert.deepEqual(set.bindings.map(each => ({...each})), [binding]);
const [tested] = await services.testIamPermissions({resource: name, permissions: ['run.services.get']});
assert.deepEqual(tested.permissions, ['run.services.get']);

// Delete.
const [deletion] = await services.deleteService({name});
await deletion.promise();
await assert.rejects(services.getService({name}), {code: NOT_FOUND});
