-- Which exemptions end within 30 days, who owns them, and is a door of the service
-- open?
--
-- The last report on a service decides: a service that is no longer exempt is not
-- listed. A service without a report for a week is not listed either: it is gone.
WITH latest AS (
  SELECT
    target.project AS project,
    target.location AS location,
    target.service AS service,
    target.labels.team AS team,
    outcome,
    exposed,
    exemption.owner AS owner,
    exemption.ticket AS ticket,
    exemption.reason AS reason,
    exemption.expires AS expires,
    observedAt AS seen,
    ROW_NUMBER() OVER (
      PARTITION BY target.project, target.location, target.service ORDER BY observedAt DESC, publish_time DESC
    ) AS newest_first
  FROM `${reports}`
  -- A report that did not read the service has no uid.
  WHERE target.project IS NOT NULL AND target.uid IS NOT NULL
)

SELECT
  expires,
  DIV(UNIX_SECONDS(expires) - UNIX_SECONDS(CURRENT_TIMESTAMP()), 86400) AS days_left,
  owner,
  ticket,
  reason,
  project,
  location,
  service,
  team,
  exposed,
  seen
FROM latest
WHERE newest_first = 1
  AND outcome = 'exempt'
  AND UNIX_SECONDS(expires) - UNIX_SECONDS(CURRENT_TIMESTAMP()) <= 30 * 86400
  AND UNIX_SECONDS(CURRENT_TIMESTAMP()) - UNIX_SECONDS(seen) <= 7 * 86400
