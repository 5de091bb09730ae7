import assert from 'node:assert/strict';
import {BackendServicesClient, GlobalOperationsClient, RegionNetworkEndpointGroupsClient, RegionOperationsClient}
  from '@google-cloud/compute';
import {NOT_FOUND, PRECONDITION_FAILED, options, project} from './cloud.mjs';

const region = 'us-central1';
const backends = new BackendServicesClient(options);
const groups = new RegionNetworkEndpointGroupsClient(options);
const globally = new GlobalOperationsClient(options);
const regionally = new RegionOperationsClient(options);

// finish waits for the operation that a write returned.
async function finish([{latestResponse: {name}}], within) {
  const [done] = within ? await regionally.wait({project, region: within, operation: name}) :
    await globally.wait({project, operation: name});
  assert.equal(done.status, 'DONE');
  assert.ok(!done.error);
}

// Create.
await finish(await groups.insert({project, region, networkEndpointGroupResource: {
  name: 'neg', networkEndpointType: 'SERVERLESS', cloudRun: {service: 'hello'}}}), region);
for (const name of ['a', 'b', 'c']) {
  await finish(await backends.insert({project, backendServiceResource: {
    name, loadBalancingScheme: 'EXTERNAL_MANAGED',
    backends: [{group: `projects/${project}/regions/${region}/networkEndpointGroups/neg`}]}}));
}

// Get.
const [read] = await backends.get({project, backendService: 'a'});
assert.equal(read.loadBalancingScheme, 'EXTERNAL_MANAGED');
assert.equal(read.backends[0].balancingMode, 'UTILIZATION');
assert.ok(/^[0-9]+$/.test(read.id));
assert.ok(!read.iap);

// List, by pages, and of all scopes.
const pages = [];
for (let request = {project, maxResults: 2}; request;) {
  const [page, next] = await backends.list(request, {autoPaginate: false});
  pages.push(page.map(each => each.name).join(''));
  request = next?.pageToken ? next : null;
}
assert.deepEqual(pages, ['ab', 'c']);
const found = [];
for await (const [, scope] of backends.aggregatedListAsync({project, maxResults: 1}, {autoPaginate: false})) {
  found.push(...scope.backendServices.map(each => each.name));
}
assert.deepEqual(found, ['a', 'b', 'c']);

// Update: a patch, and refused when it is stale.
await finish(await backends.patch({project, backendService: 'a', backendServiceResource: {
  fingerprint: read.fingerprint, iap: {enabled: true}}}));
const [after] = await backends.get({project, backendService: 'a'});
assert.equal(after.iap.enabled, true);
assert.notEqual(after.fingerprint, read.fingerprint);
await assert.rejects(backends.patch({project, backendService: 'a', backendServiceResource: {
  fingerprint: read.fingerprint, description: 'stale'}}), {code: PRECONDITION_FAILED});

// IAM.
const binding = {role: 'roles/compute.admin', members: ['user:dev@example.com']};
const [policy] = await backends.getIamPolicy({project, resource: 'a', optionsRequestedPolicyVersion: 3});
await backends.setIamPolicy({project, resource: 'a', globalSetPolicyRequestResource: {
  policy: {etag: policy.etag, bindings: [{role: binding.role, members: binding.members}]}}});
const [set] = await backends.getIamPolicy({project, resource: 'a'});
assert.deepEqual(set.bindings.map(({role, members}) => ({role, members})),
  [{role: binding.role, members: binding.members}]);

// Delete.
for (const backendService of ['a', 'b', 'c']) {
  await finish(await backends.delete({project, backendService}));
}
await finish(await groups.delete({project, region, networkEndpointGroup: 'neg'}), region);
await assert.rejects(backends.get({project, backendService: 'a'}), {code: NOT_FOUND});
