package main

// enumTypes are the protobuf names of enum types, by document, and the fields
// that have them ("Message.field"), where the name is not that of the message
// followed by the field's. Discovery documents do not name enums. The names
// are in the .proto files of github.com/googleapis/googleapis (2026-08-22);
// those marked are not in them (unverified). Run's are those of its Go client 1.25 too.
var enumTypes = map[string]map[string]string{
	"certificatemanager/v1": {
		"google.cloud.certificatemanager.v1.Certificate.ManagedCertificate.AuthorizationAttemptInfo.FailureReason": "AuthorizationAttemptInfo.failureReason",
		"google.cloud.certificatemanager.v1.Certificate.ManagedCertificate.AuthorizationAttemptInfo.State":         "AuthorizationAttemptInfo.state",
		"google.cloud.certificatemanager.v1.Certificate.ManagedCertificate.ProvisioningIssue.Reason":               "ProvisioningIssue.reason",
		"google.cloud.certificatemanager.v1.Certificate.ManagedCertificate.State":                                  "ManagedCertificate.state ManagedIdentityCertificate.state",
		"google.cloud.certificatemanager.v1.ServingState":                                                          "CertificateMapEntry.state",
	},
	"cloudasset/v1": {
		"google.cloud.orgpolicy.v1.Policy.ListPolicy.AllValues": "GoogleCloudOrgpolicyV1ListPolicy.allValues",
	},
	"cloudresourcemanager/v1": {
		"google.cloud.orgpolicy.v1.Policy.ListPolicy.AllValues": "ListPolicy.allValues",
	},
	"cloudresourcemanager/v3": {
		"google.cloud.resourcemanager.v3.Purpose": "TagKey.purpose",
	},
	"cloudscheduler/v1": {
		"google.cloud.scheduler.v1.HttpMethod": "AppEngineHttpTarget.httpMethod HttpTarget.httpMethod",
	},
	"eventarc/v1": {
		"google.rpc.Code": "StateCondition.code",
	},
	"iam/v1": {
		"google.iam.admin.v1.ListServiceAccountKeysRequest.KeyType": "ServiceAccountKey.keyType",
		"google.iam.admin.v1.Permission.PermissionLaunchStage":      "Permission.stage",
		"google.iam.admin.v1.Role.RoleLaunchStage":                  "Role.stage",
		"google.iam.admin.v1.RoleView":                              "QueryGrantableRolesRequest.view",
		"google.iam.admin.v1.ServiceAccountKeyAlgorithm":            "CreateServiceAccountKeyRequest.keyAlgorithm ServiceAccountKey.keyAlgorithm",
		"google.iam.admin.v1.ServiceAccountKeyOrigin":               "ServiceAccountKey.keyOrigin",
		"google.iam.admin.v1.ServiceAccountPrivateKeyType":          "CreateServiceAccountKeyRequest.privateKeyType ServiceAccountKey.privateKeyType",
	},
	"iap/v1": {
		"google.cloud.iap.v1.AccessSettings.IdentitySource": "AccessSettings.identitySources",
	},
	"logging/v2": {
		"google.api.LabelDescriptor.ValueType": "LabelDescriptor.valueType",
		"google.api.LaunchStage": "MetricDescriptor.launchStage MetricDescriptorMetadata.launchStage " +
			"MonitoredResourceDescriptor.launchStage",
		"google.api.MetricDescriptor.MetricDescriptorMetadata.TimeSeriesResourceHierarchyLevel": "MetricDescriptorMetadata.timeSeriesResourceHierarchyLevel",
		"google.api.MetricDescriptor.MetricKind":                                                "MetricDescriptor.metricKind",
		"google.api.MetricDescriptor.ValueType":                                                 "MetricDescriptor.valueType",
		"google.logging.type.LogSeverity":                                                       "LogEntry.severity",
		"google.logging.v2.IndexType":                                                           "IndexConfig.type",
		"google.logging.v2.LifecycleState":                                                      "Link.lifecycleState LogBucket.lifecycleState",
		"google.logging.v2.LogMetric.ApiVersion":                                                "LogMetric.version",
		"google.logging.v2.LogSink.VersionFormat":                                               "LogSink.outputVersionFormat",
		"google.logging.v2.TailLogEntriesResponse.SuppressionInfo.Reason":                       "SuppressionInfo.reason",
	},
	"monitoring/v3": {
		"google.api.LabelDescriptor.ValueType": "LabelDescriptor.valueType",
		"google.api.LaunchStage": "MetricDescriptor.launchStage MetricDescriptorMetadata.launchStage " +
			"MonitoredResourceDescriptor.launchStage",
		"google.api.MetricDescriptor.MetricDescriptorMetadata.TimeSeriesResourceHierarchyLevel": "MetricDescriptorMetadata.timeSeriesResourceHierarchyLevel",
		"google.api.MetricDescriptor.MetricKind":                                                "MetricDescriptor.metricKind TimeSeries.metricKind ValueDescriptor.metricKind",
		"google.api.MetricDescriptor.ValueType":                                                 "MetricDescriptor.valueType TimeSeries.valueType ValueDescriptor.valueType",
		"google.monitoring.v3.Aggregation.Aligner":                                              "Aggregation.perSeriesAligner",
		"google.monitoring.v3.Aggregation.Reducer":                                              "Aggregation.crossSeriesReducer",
		"google.monitoring.v3.AlertPolicy.AlertStrategy.NotificationPrompt":                     "AlertStrategy.notificationPrompts",
		"google.monitoring.v3.AlertPolicy.Condition.EvaluationMissingData": "MetricThreshold.evaluationMissingData " +
			"MonitoringQueryLanguageCondition.evaluationMissingData",
		"google.monitoring.v3.AlertPolicy.ConditionCombinerType": "AlertPolicy.combiner",
		"google.monitoring.v3.ComparisonType":                    "MetricThreshold.comparison RowCountTest.comparison",
	},
	"orgpolicy/v2": {
		"google.cloud.orgpolicy.v2.Constraint.CustomConstraintDefinition.ActionType": "GoogleCloudOrgpolicyV2ConstraintCustomConstraintDefinition.actionType",
		"google.cloud.orgpolicy.v2.Constraint.CustomConstraintDefinition.MethodType": "GoogleCloudOrgpolicyV2ConstraintCustomConstraintDefinition.methodTypes",
		"google.cloud.orgpolicy.v2.Constraint.CustomConstraintDefinition.Parameter.Type": "GoogleCloudOrgpolicyV2ConstraintCustomConstraintDefinitionParameter.item " +
			"GoogleCloudOrgpolicyV2ConstraintCustomConstraintDefinitionParameter.type",
		"google.cloud.orgpolicy.v2.CustomConstraint.MethodType": "GoogleCloudOrgpolicyV2CustomConstraint.methodTypes",
	},
	"pubsub/v1": {
		"google.pubsub.v1.Encoding":                                         "SchemaSettings.encoding ValidateMessageRequest.encoding",
		"google.pubsub.v1.IngestionDataSourceSettings.AwsKinesis.State":     "AwsKinesis.state",
		"google.pubsub.v1.IngestionDataSourceSettings.AwsMsk.State":         "AwsMsk.state",
		"google.pubsub.v1.IngestionDataSourceSettings.AzureEventHubs.State": "AzureEventHubs.state",
		"google.pubsub.v1.IngestionDataSourceSettings.CloudStorage.State":   "CloudStorage.state",
		"google.pubsub.v1.IngestionDataSourceSettings.ConfluentCloud.State": "ConfluentCloud.state",
	},
	"run/v1": {
		"google.cloud.run.v2.ExecutionReference.CompletionStatus": "ExecutionReference.completionStatus",
	},
	"run/v2": {
		"google.api.LaunchStage": "GoogleCloudRunV2Execution.launchStage GoogleCloudRunV2Instance.launchStage " +
			"GoogleCloudRunV2Job.launchStage GoogleCloudRunV2Revision.launchStage " +
			"GoogleCloudRunV2Service.launchStage GoogleCloudRunV2WorkerPool.launchStage",
		"google.cloud.run.v2.AmbientScope":           "GoogleCloudRunV2AmbientNetworking.ambientScope", // unverified
		"google.cloud.run.v2.Condition.CommonReason": "GoogleCloudRunV2Condition.reason",
		"google.cloud.run.v2.EncryptionKeyRevocationAction": "GoogleCloudRunV2Instance.encryptionKeyRevocationAction " +
			"GoogleCloudRunV2Revision.encryptionKeyRevocationAction " +
			"GoogleCloudRunV2RevisionTemplate.encryptionKeyRevocationAction " +
			"GoogleCloudRunV2WorkerPoolRevisionTemplate.encryptionKeyRevocationAction",
		"google.cloud.run.v2.ExecutionEnvironment": "GoogleCloudRunV2Revision.executionEnvironment " +
			"GoogleCloudRunV2RevisionTemplate.executionEnvironment " +
			"GoogleCloudRunV2Task.executionEnvironment " +
			"GoogleCloudRunV2TaskTemplate.executionEnvironment",
		"google.cloud.run.v2.FunctionalType":              "GoogleCloudRunV2Job.functionalType GoogleCloudRunV2Service.functionalType",
		"google.cloud.run.v2.IdentityType":                "GoogleCloudRunV2WorkloadIdentityConfig.identityType",
		"google.cloud.run.v2.IngressTraffic":              "GoogleCloudRunV2Instance.ingress GoogleCloudRunV2Service.ingress",
		"google.cloud.run.v2.InstanceSplitAllocationType": "GoogleCloudRunV2InstanceSplit.type GoogleCloudRunV2InstanceSplitStatus.type",
		"google.cloud.run.v2.TrafficTargetAllocationType": "GoogleCloudRunV2TrafficTarget.type GoogleCloudRunV2TrafficTargetStatus.type",
		"google.cloud.run.v2.VpcAccess.VpcEgress":         "GoogleCloudRunV2VpcAccess.egress",
	},
	"secretmanager/v1": {
		"google.cloud.secretmanager.v1.Rotation.ManagedRotationStatus.State": "ManagedRotationStatus.state",
	},
	"serviceusage/v1": {
		"google.api.LabelDescriptor.ValueType": "LabelDescriptor.valueType",
		"google.api.LaunchStage":               "MonitoredResourceDescriptor.launchStage",
		"google.api.serviceusage.v1.State":     "GoogleApiServiceusageV1Service.state",
	},
	"serviceusage/v1beta1": {
		"google.api.LabelDescriptor.ValueType":  "LabelDescriptor.valueType",
		"google.api.LaunchStage":                "MonitoredResourceDescriptor.launchStage",
		"google.api.serviceusage.v1beta1.State": "Service.state",
	},
}

// enumNumbers are the numbers of enums whose values discovery does not list in
// the order of their numbers, or not all of them; same source.
var enumNumbers = map[string]map[string]int{
	"google.api.LaunchStage": {
		"LAUNCH_STAGE_UNSPECIFIED": 0, "UNIMPLEMENTED": 6, "PRELAUNCH": 7, "EARLY_ACCESS": 1, "ALPHA": 2,
		"BETA": 3, "GA": 4, "DEPRECATED": 5,
	},
	"google.cloud.certificatemanager.v1.Certificate.ManagedCertificate.AuthorizationAttemptInfo.State": {
		"STATE_UNSPECIFIED": 0, "AUTHORIZING": 1, "AUTHORIZED": 6, "FAILED": 7,
	},
	"google.cloud.iap.v1.AccessSettings.IdentitySource": {
		"IDENTITY_SOURCE_UNSPECIFIED": 0, "WORKFORCE_IDENTITY_FEDERATION": 3,
	},
	"google.cloud.run.v2.Condition.CommonReason": {
		"COMMON_REASON_UNDEFINED": 0, "UNKNOWN": 1, "REVISION_FAILED": 3, "PROGRESS_DEADLINE_EXCEEDED": 4,
		"CONTAINER_MISSING": 6, "CONTAINER_PERMISSION_DENIED": 7, "CONTAINER_IMAGE_UNAUTHORIZED": 8,
		"CONTAINER_IMAGE_AUTHORIZATION_CHECK_FAILED": 9, "ENCRYPTION_KEY_PERMISSION_DENIED": 10,
		"ENCRYPTION_KEY_CHECK_FAILED": 11, "SECRETS_ACCESS_CHECK_FAILED": 12, "WAITING_FOR_OPERATION": 13,
		"IMMEDIATE_RETRY": 14, "POSTPONED_RETRY": 15, "INTERNAL": 16, "VPC_NETWORK_NOT_FOUND": 17,
	},
	"google.cloud.run.v2.IdentityType": {
		"IDENTITY_TYPE_UNSPECIFIED": 0, "IDENTITY_TYPE_SERVICE_ACCOUNT": 1, "IDENTITY_TYPE_AGENT_IDENTITY": 3,
	},
	"google.cloud.secretmanager.v1.Secret.SecretType": {
		"SECRET_TYPE_UNSPECIFIED": 0, "CLOUD_SQL_DB_CREDENTIALS": 1, "ACCESS_KEY": 2, "CERTIFICATE": 3,
		"OTHER_DB_CREDENTIALS": 4, "OTHER": 50,
	},
	"google.iam.admin.v1.Role.RoleLaunchStage": {
		"ALPHA": 0, "BETA": 1, "GA": 2, "DEPRECATED": 4, "DISABLED": 5, "EAP": 6,
	},
	"google.logging.type.LogSeverity": {
		"DEFAULT": 0, "DEBUG": 100, "INFO": 200, "NOTICE": 300, "WARNING": 400, "ERROR": 500,
		"CRITICAL": 600, "ALERT": 700, "EMERGENCY": 800,
	},
	"google.monitoring.v3.Aggregation.Aligner": {
		"ALIGN_NONE": 0, "ALIGN_DELTA": 1, "ALIGN_RATE": 2, "ALIGN_INTERPOLATE": 3, "ALIGN_NEXT_OLDER": 4,
		"ALIGN_MIN": 10, "ALIGN_MAX": 11, "ALIGN_MEAN": 12, "ALIGN_COUNT": 13, "ALIGN_SUM": 14,
		"ALIGN_STDDEV": 15, "ALIGN_COUNT_TRUE": 16, "ALIGN_COUNT_FALSE": 24, "ALIGN_FRACTION_TRUE": 17,
		"ALIGN_PERCENTILE_99": 18, "ALIGN_PERCENTILE_95": 19, "ALIGN_PERCENTILE_50": 20,
		"ALIGN_PERCENTILE_05": 21, "ALIGN_PERCENT_CHANGE": 23,
	},
	"google.monitoring.v3.Aggregation.Reducer": {
		"REDUCE_NONE": 0, "REDUCE_MEAN": 1, "REDUCE_MIN": 2, "REDUCE_MAX": 3, "REDUCE_SUM": 4,
		"REDUCE_STDDEV": 5, "REDUCE_COUNT": 6, "REDUCE_COUNT_TRUE": 7, "REDUCE_COUNT_FALSE": 15,
		"REDUCE_FRACTION_TRUE": 8, "REDUCE_PERCENTILE_99": 9, "REDUCE_PERCENTILE_95": 10,
		"REDUCE_PERCENTILE_50": 11, "REDUCE_PERCENTILE_05": 12,
	},
	"google.monitoring.v3.AlertPolicy.AlertStrategy.NotificationPrompt": {
		"NOTIFICATION_PROMPT_UNSPECIFIED": 0, "OPENED": 1, "CLOSED": 3,
	},
	"google.pubsub.v1.IngestionDataSourceSettings.CloudStorage.State": {
		"STATE_UNSPECIFIED": 0, "ACTIVE": 1, "CLOUD_STORAGE_PERMISSION_DENIED": 2,
		"PUBLISH_PERMISSION_DENIED": 3, "BUCKET_NOT_FOUND": 4, "TOO_MANY_OBJECTS": 5,
		"CONFLICTING_REGION_CONSTRAINTS": 8,
	},
	"google.rpc.Code": {
		"OK": 0, "CANCELLED": 1, "UNKNOWN": 2, "INVALID_ARGUMENT": 3, "DEADLINE_EXCEEDED": 4, "NOT_FOUND": 5,
		"ALREADY_EXISTS": 6, "PERMISSION_DENIED": 7, "UNAUTHENTICATED": 16, "RESOURCE_EXHAUSTED": 8,
		"FAILED_PRECONDITION": 9, "ABORTED": 10, "OUT_OF_RANGE": 11, "UNIMPLEMENTED": 12, "INTERNAL": 13,
		"UNAVAILABLE": 14, "DATA_LOSS": 15,
	},
}
