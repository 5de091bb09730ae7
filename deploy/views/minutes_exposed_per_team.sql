-- For how many minutes did a door stand open, by day (UTC) and team?
--
-- A report knows from when (exposedSince) to when (exposedUntil, or the last
-- look) a door was open. Reports of one service overlap: every sweep tells of the
-- same open door again, and a message may be delivered twice. So the intervals of
-- a service are joined first, and cut at midnight afterwards; no minute of a
-- service counts twice. Between two looks at most a day apart that both found a
-- door open it counts as open; where the second found it closed, and nobody knows
-- since when, only up to the first.
WITH looks AS (
  SELECT
    CONCAT(target.project, '/', target.location, '/', target.service, '/', COALESCE(target.uid, '')) AS service,
    target.labels.team AS team,
    observedAt AS seen,
    exposed,
    exposedSince AS since,
    COALESCE(exposedUntil, observedAt) AS until
  FROM `${reports}`
  -- A report that did not get to look has no uid, and stands apart.
  WHERE target.project IS NOT NULL
),

ordered AS (
  SELECT
    *,
    LAG(seen) OVER (PARTITION BY service ORDER BY seen, until) AS seen_before,
    LAG(exposed) OVER (PARTITION BY service ORDER BY seen, until) AS exposed_before,
    FIRST_VALUE(team) OVER (PARTITION BY service ORDER BY seen DESC) AS team_now
  FROM looks
),

intervals AS (
  SELECT
    service,
    COALESCE(team_now, '(no label)') AS team,
    CASE
      WHEN exposed_before AND seen_before < since AND UNIX_SECONDS(since) - UNIX_SECONDS(seen_before) <= 86400 THEN seen_before
      ELSE since
    END AS since,
    until
  FROM ordered
  WHERE since IS NOT NULL
),

-- An interval begins anew where none before it reaches so far.
begun AS (
  SELECT
    *,
    CASE WHEN since <= MAX(until) OVER (
      PARTITION BY service ORDER BY since, until ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) THEN 0 ELSE 1 END AS anew
  FROM intervals
),

numbered AS (
  SELECT
    *,
    SUM(anew) OVER (PARTITION BY service ORDER BY since, until ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS number
  FROM begun
),

joined AS (
  SELECT service, team, MIN(since) AS since, MAX(until) AS until
  FROM numbered
  GROUP BY service, team, number
)

SELECT
  day,
  team,
  COUNT(DISTINCT service) AS services,
  ROUND(SUM(
    LEAST(UNIX_SECONDS(until), UNIX_SECONDS(TIMESTAMP(day)) + 86400) - GREATEST(UNIX_SECONDS(since), UNIX_SECONDS(TIMESTAMP(day)))
  ) / 60.0) AS minutes
FROM joined, UNNEST(GENERATE_DATE_ARRAY(DATE(since), DATE(until))) AS day
GROUP BY day, team
