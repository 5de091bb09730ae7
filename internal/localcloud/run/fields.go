package run

// messages are the fields of google.cloud.run.v2.Service and of every message
// in it (discovery document run v2, revision 20261023), as far as a client may
// write them. A field is a name and what it holds: ":" a scalar or a map, ">"
// a message, "=" an enum, after "*" a list of them; "!" marks what only the
// server writes. A test compares this table with Google's client.
var messages = map[string]string{
	"Service": "annotations:map binaryAuthorization>BinaryAuthorization buildConfig>BuildConfig client:text " +
		"clientVersion:text !conditions !createTime !creator customAudiences*:text " +
		"defaultUriDisabled:bool !deleteTime description:text etag:text !expireTime " +
		"functionalType=FunctionalType !generation iapEnabled:bool ingress=IngressTraffic " +
		"invokerIamDisabled:bool labels:map !lastModifier !latestCreatedRevision !latestReadyRevision " +
		"launchStage=LaunchStage multiRegionSettings>MultiRegionSettings name:text !observedGeneration " +
		"!reconciling !satisfiesPzs scaling>ServiceScaling sshEnabled:bool template>RevisionTemplate " +
		"!terminalCondition !threatDetectionEnabled traffic*>TrafficTarget !trafficStatuses !uid " +
		"!updateTime !uri !urls",
	"BinaryAuthorization": "breakglassJustification:text policy:text useDefault:bool",
	"BuildConfig": "baseImage:text enableAutomaticUpdates:bool environmentVariables:map functionTarget:text " +
		"imageUri:text !name serviceAccount:text sourceLocation:text workerPool:text",
	"MultiRegionSettings": "multiRegionId:text regions*:text",
	"ServiceScaling":      "manualInstanceCount:int maxInstanceCount:int minInstanceCount:int scalingMode=ScalingMode",
	"RevisionTemplate": "ambientNetworking>AmbientNetworking annotations:map client:text clientVersion:text " +
		"containers*>Container encryptionKey:text " +
		"encryptionKeyRevocationAction=EncryptionKeyRevocationAction encryptionKeyShutdownDuration:text " +
		"executionEnvironment=ExecutionEnvironment gpuZonalRedundancyDisabled:bool " +
		"healthCheckDisabled:bool labels:map maxInstanceRequestConcurrency:int nodeSelector>NodeSelector " +
		"revision:text sandboxes>SandboxConfiguration scaling>RevisionScaling serviceAccount:text " +
		"serviceMesh>ServiceMesh sessionAffinity:bool timeout:text volumes*>Volume vpcAccess>VpcAccess " +
		"workloadIdentityConfig>WorkloadIdentityConfig",
	"TrafficTarget":     "percent:int revision:text tag:text type=TrafficTargetAllocationType",
	"AmbientNetworking": "ambientScope=AmbientScope enabled:bool",
	"Container": "args*:text baseImageUri:text !buildInfo command*:text dependsOn*:text env*>EnvVar image:text " +
		"livenessProbe>Probe name:text ports*>ContainerPort readinessProbe>Probe " +
		"resources>ResourceRequirements sandboxLauncher:bool sourceCode>SourceCode startupProbe>Probe " +
		"volumeMounts*>VolumeMount workingDir:text",
	"NodeSelector":         "accelerator:text",
	"SandboxConfiguration": "templates*>SandboxTemplate",
	"RevisionScaling":      "concurrencyUtilization:number cpuUtilization:number maxInstanceCount:int minInstanceCount:int",
	"ServiceMesh":          "mesh:text",
	"Volume": "cloudSqlInstance>CloudSqlInstance emptyDir>EmptyDirVolumeSource gcs>GCSVolumeSource name:text " +
		"nfs>NFSVolumeSource secret>SecretVolumeSource",
	"VpcAccess":              "connector:text egress=VpcEgress networkInterfaces*>NetworkInterface",
	"WorkloadIdentityConfig": "identity:text identityCertificateEnabled:bool identityType=IdentityType",
	"EnvVar":                 "name:text value:text valueSource>EnvVarSource",
	"Probe": "failureThreshold:int grpc>GRPCAction httpGet>HTTPGetAction initialDelaySeconds:int " +
		"periodSeconds:int tcpSocket>TCPSocketAction timeoutSeconds:int",
	"ContainerPort":        "containerPort:int name:text",
	"ResourceRequirements": "cpuIdle:bool limits:map startupCpuBoost:bool",
	"SourceCode":           "cloudStorageSource>CloudStorageSource inlinedSource>InlinedSource",
	"VolumeMount":          "mountPath:text name:text subPath:text",
	"SandboxTemplate": "args*:text command*:text env*>EnvVar image:text name:text volumeMounts*>VolumeMount " +
		"workingDir:text",
	"CloudSqlInstance":     "instances*:text",
	"EmptyDirVolumeSource": "medium=Medium sizeLimit:text",
	"GCSVolumeSource":      "bucket:text mountOptions*:text readOnly:bool",
	"NFSVolumeSource":      "path:text readOnly:bool server:text",
	"SecretVolumeSource":   "defaultMode:int items*>VersionToPath secret:text",
	"NetworkInterface":     "network:text subnetwork:text tags*:text",
	"EnvVarSource":         "secretKeyRef>SecretKeySelector",
	"GRPCAction":           "port:int service:text",
	"HTTPGetAction":        "httpHeaders*>HTTPHeader path:text port:int",
	"TCPSocketAction":      "port:int",
	"CloudStorageSource":   "bucket:text generation:int object:text",
	"InlinedSource":        "sources*>SourceFile",
	"VersionToPath":        "mode:int path:text version:text",
	"SecretKeySelector":    "secret:text version:text",
	"HTTPHeader":           "name:text value:text",
	"SourceFile":           "content:text filename:text",
}

// enums are the values of each enum.
var enums = map[string]string{
	"FunctionalType": "FUNCTIONAL_TYPE_UNSPECIFIED FUNCTIONAL_TYPE_AGENT FUNCTIONAL_TYPE_MCP_SERVER",
	"IngressTraffic": "INGRESS_TRAFFIC_UNSPECIFIED INGRESS_TRAFFIC_ALL INGRESS_TRAFFIC_INTERNAL_ONLY " +
		"INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER INGRESS_TRAFFIC_NONE",
	"LaunchStage":                   "LAUNCH_STAGE_UNSPECIFIED UNIMPLEMENTED PRELAUNCH EARLY_ACCESS ALPHA BETA GA DEPRECATED",
	"ScalingMode":                   "SCALING_MODE_UNSPECIFIED AUTOMATIC MANUAL",
	"EncryptionKeyRevocationAction": "ENCRYPTION_KEY_REVOCATION_ACTION_UNSPECIFIED PREVENT_NEW SHUTDOWN",
	"ExecutionEnvironment":          "EXECUTION_ENVIRONMENT_UNSPECIFIED EXECUTION_ENVIRONMENT_GEN1 EXECUTION_ENVIRONMENT_GEN2",
	"TrafficTargetAllocationType": "TRAFFIC_TARGET_ALLOCATION_TYPE_UNSPECIFIED TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST " +
		"TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION",
	"AmbientScope": "AMBIENT_SCOPE_UNSPECIFIED AMBIENT_SCOPE_REGIONAL AMBIENT_SCOPE_GLOBAL",
	"VpcEgress":    "VPC_EGRESS_UNSPECIFIED ALL_TRAFFIC PRIVATE_RANGES_ONLY",
	"IdentityType": "IDENTITY_TYPE_UNSPECIFIED IDENTITY_TYPE_SERVICE_ACCOUNT IDENTITY_TYPE_AGENT_IDENTITY",
	"Medium":       "MEDIUM_UNSPECIFIED MEMORY DISK",
}
