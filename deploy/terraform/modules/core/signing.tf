# The key that signs reports, and the topic that takes the signatures, where they are wanted.
# Google keeps a key ring for ever: a destroy forgets it here, and schedules the destruction of
# the key's versions. So keep the public key elsewhere (output signing_key): without it nobody
# can check what was signed.

locals {
  signing = toset(var.signing_key_version == null ? [] : ["reports"])
}

resource "google_kms_key_ring" "signing" {
  for_each = local.signing

  project    = var.project_id
  location   = var.region
  name       = var.name
  depends_on = [google_project_service.api]
}

resource "google_kms_crypto_key" "signing" {
  for_each = local.signing

  key_ring = google_kms_key_ring.signing[each.key].id
  name     = each.key
  purpose  = "ASYMMETRIC_SIGN"
  labels   = local.labels

  version_template {
    algorithm        = "EC_SIGN_P256_SHA256"
    protection_level = "SOFTWARE"
  }
}

# The whole policy of the key: the function signs, and readers of reports read the public key.
resource "google_kms_crypto_key_iam_policy" "signing" {
  for_each = local.signing

  crypto_key_id = google_kms_crypto_key.signing[each.key].id
  policy_data = jsonencode({ bindings = concat(
    [{ role = "roles/cloudkms.signerVerifier", members = [local.function] }],
    [for role in length(var.signature_readers) > 0 ? ["roles/cloudkms.publicKeyViewer"] : [] : { role = role, members = sort(var.signature_readers) }],
  ) })
}

resource "google_pubsub_topic" "signatures" {
  for_each = local.signing

  project    = var.project_id
  name       = "${var.name}-signatures"
  labels     = local.labels
  depends_on = [google_project_service.api]
}

# The whole policy of the topic: a message that anybody else publishes would lie among the
# signatures, though it would not verify.
resource "google_pubsub_topic_iam_policy" "signatures" {
  for_each = local.signing

  project     = var.project_id
  topic       = google_pubsub_topic.signatures[each.key].name
  policy_data = jsonencode({ bindings = [{ role = "roles/pubsub.publisher", members = [local.function] }] })
}
