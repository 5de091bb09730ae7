-- What iapguard does not see, although it should: one row for each finding, none when all
-- is well.
--
-- The inventory is Cloud Asset Inventory's, exported every hour by an account of its own.
-- The guard writes none of it. The time of a report is Pub/Sub's, so that a wrong clock of
-- the guard hides nothing.
WITH snapshots AS (
  SELECT MIN(readTime) AS oldest, MAX(readTime) AS newest
  FROM `${services}`
),

-- The names of Cloud Run services are //run.googleapis.com/projects/P/locations/L/services/S.
seen AS (
  SELECT
    REGEXP_EXTRACT(name, r'/projects/([^/]+)/') AS project,
    REGEXP_EXTRACT(name, r'/locations/([^/]+)/') AS location,
    REGEXP_EXTRACT(name, r'/services/([^/]+)$') AS service,
    MIN(readTime) AS first_seen,
    MAX(readTime) AS last_seen
  FROM `${services}`
  GROUP BY project, location, service
),

-- What stands in the newest snapshot. What was deleted since needs no report.
inventory AS (
  SELECT seen.*, snapshots.oldest
  FROM seen CROSS JOIN snapshots
  WHERE seen.last_seen = snapshots.newest
    AND seen.project NOT IN (SELECT JSON_VALUE(ignored, '$') FROM UNNEST(JSON_QUERY_ARRAY('${ignored}')) AS ignored)
),

reported AS (
  SELECT
    target.project AS project,
    target.projectNumber AS number,
    target.location AS location,
    target.service AS service,
    MAX(publish_time) AS last_report,
    MAX(CASE WHEN COALESCE(cause.kind, '') <> 'command' THEN publish_time END) AS last_event
  FROM `${reports}`
  WHERE target.service IS NOT NULL
    -- The table is partitioned by this column.
    AND observedAt >= TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 8 DAY)
  GROUP BY project, number, location, service
),

services AS (
  SELECT inventory.*, reported.last_report, reported.last_event
  FROM inventory
  LEFT JOIN reported
    ON inventory.location = reported.location
    AND inventory.service = reported.service
    AND (inventory.project = reported.project OR inventory.project = reported.number)
),

-- Services that were created between 2 and 25 hours ago, as far as the snapshots reach back.
created AS (
  SELECT *
  FROM services
  WHERE first_seen > oldest
    AND UNIX_SECONDS(CURRENT_TIMESTAMP()) - UNIX_SECONDS(first_seen) BETWEEN 7200 AND 90000
),

-- What the guard consists of, by the last two words of its name.
wanted AS (
  SELECT JSON_VALUE(part, '$.type') AS type, JSON_VALUE(part, '$.name') AS name
  FROM UNNEST(JSON_QUERY_ARRAY('${parts}')) AS part
),

found AS (
  SELECT asset_type AS type, REGEXP_EXTRACT(name, r'([^/]+/[^/]+)$') AS name, resource.data AS data
  FROM `${own}`
  WHERE readTime = (SELECT MAX(readTime) FROM `${own}`)
  UNION ALL
  SELECT asset_type AS type, REGEXP_EXTRACT(name, r'([^/]+/[^/]+)$') AS name, resource.data AS data
  FROM `${sinks}`
  WHERE readTime = (SELECT MAX(readTime) FROM `${sinks}`)
)

SELECT
  'service' AS kind,
  CONCAT('projects/', project, '/locations/', location, '/services/', service) AS name,
  CASE
    WHEN last_report IS NULL THEN 'no report within 8 days'
    ELSE CONCAT('the last report is ', CAST(DIV(UNIX_SECONDS(CURRENT_TIMESTAMP()) - UNIX_SECONDS(last_report), 3600) AS STRING), ' hours old')
  END AS why
FROM services
-- A service without a report has 25 hours from when it was first seen.
WHERE UNIX_SECONDS(CURRENT_TIMESTAMP()) - UNIX_SECONDS(COALESCE(last_report, first_seen)) > 90000

UNION ALL

SELECT
  'events' AS kind,
  MIN(CONCAT('projects/', project, '/locations/', location, '/services/', service)) AS name,
  CONCAT(CAST(COUNT(*) AS STRING), ' services are new since yesterday, and no event of any was reported: sweeps alone see them') AS why
FROM created
HAVING COUNT(*) > 0 AND COUNT(last_event) = 0

UNION ALL

SELECT
  'part' AS kind,
  wanted.name AS name,
  CASE
    WHEN found.name IS NULL THEN CONCAT('no ', wanted.type, ' of this name exists')
    ELSE 'it is disabled, paused or not verified'
  END AS why
FROM wanted
LEFT JOIN found ON found.type = wanted.type AND found.name = wanted.name
WHERE found.name IS NULL
  OR JSON_VALUE(found.data, '$.disabled') = 'true'
  OR JSON_VALUE(found.data, '$.enabled') = 'false'
  OR JSON_VALUE(found.data, '$.enabled.value') = 'false'
  OR JSON_VALUE(found.data, '$.state') IN ('PAUSED', 'DISABLED', 'UPDATE_FAILED')
  OR JSON_VALUE(found.data, '$.verificationStatus') = 'UNVERIFIED'

UNION ALL

SELECT
  'inventory' AS kind,
  'services' AS name,
  CASE
    WHEN newest IS NULL THEN 'nothing was ever exported'
    ELSE CONCAT('the newest export is ', CAST(DIV(UNIX_SECONDS(CURRENT_TIMESTAMP()) - UNIX_SECONDS(newest), 3600) AS STRING), ' hours old')
  END AS why
FROM snapshots
WHERE newest IS NULL OR UNIX_SECONDS(CURRENT_TIMESTAMP()) - UNIX_SECONDS(newest) > 10800
