package command

import "github.com/iapguard/iapguard/internal/posture"

// DeployPublic deploys a service that anybody may invoke.
func DeployPublic(t posture.Target, image string) Command {
	return onService(gcloud("run", "deploy"), t).flag("image", image).on("allow-unauthenticated")
}

// Balancer is a global load balancer before one service, by the names of its parts.
type Balancer struct {
	NEG, Backend, URLMap, Certificate, Proxy, Rule string
	Host                                           string // that the certificate is for
}

// BuildBalancer puts a load balancer before a service, from the inside out: it is reached with
// the last command.
func BuildBalancer(b Balancer, t posture.Target) []Command {
	create := func(kind, name string) Command {
		return gcloud("compute", kind, "create").named(name).project(t.Project)
	}
	const scheme = "EXTERNAL_MANAGED"
	return []Command{
		create("network-endpoint-groups", b.NEG).flag("region", t.Location).flag("network-endpoint-type", "serverless").
			flag("cloud-run-service", t.Service),
		create("backend-services", b.Backend).on("global").flag("load-balancing-scheme", scheme).flag("protocol", "HTTPS"),
		gcloud("compute", "backend-services", "add-backend").named(b.Backend).project(t.Project).on("global").
			flag("network-endpoint-group", b.NEG).flag("network-endpoint-group-region", t.Location),
		create("url-maps", b.URLMap).flag("default-service", b.Backend),
		create("ssl-certificates", b.Certificate).on("global").flag("domains", b.Host),
		create("target-https-proxies", b.Proxy).flag("url-map", b.URLMap).flag("ssl-certificates", b.Certificate),
		create("forwarding-rules", b.Rule).on("global").flag("target-https-proxy", b.Proxy).flag("ports", "443").
			flag("load-balancing-scheme", scheme),
	}
}

// Publish publishes a message to a topic.
func Publish(topic, project, message string) Command {
	return gcloud("pubsub", "topics", "publish").named(topic).project(project).flag("message", message)
}
