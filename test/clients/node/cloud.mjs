// What every script here needs: options that lead a client of Google's to the local
// cloud over REST, and the codes of its errors.
import {PassThroughClient} from 'google-auth-library';

const cloud = new URL(process.argv[2]);

export const project = 'demo-project';

export const options = {
  fallback: 'rest',
  protocol: 'http',
  apiEndpoint: cloud.hostname,
  port: Number(cloud.port),
  projectId: project,
  authClient: new PassThroughClient(),
};

// Codes of errors: google-gax 5 hands on the status of HTTP over REST, not the code of gRPC.
export const INVALID_ARGUMENT = 400;
export const NOT_FOUND = 404;
export const ALREADY_EXISTS = 409;
export const PRECONDITION_FAILED = 412;
