-- Who undoes protections again and again, where, with what, and what is to be
-- written at the source so that it ends?
--
-- Only contested reports tell of one, and the table is clustered by the outcome.
-- A contest is told of by every event and sweep as long as it lasts, with all who
-- took part. One row is one actor, one service and one setting. rounds is the most
-- within 24 hours, days on how many days (UTC) it was told of.
WITH told AS (
  SELECT
    actor.principal AS principal,
    actor.userAgent AS user_agent,
    target.project AS project,
    target.location AS location,
    target.service AS service,
    target.labels.team AS team,
    contest.field AS field,
    contest.rounds AS rounds,
    contest.firstAt AS first_at,
    contest.lastAt AS last_at,
    contest.fix AS fix,
    observedAt AS seen
  FROM `${reports}`, UNNEST(contest.actors) AS actor
  WHERE outcome = 'contested'
),

latest AS (
  SELECT
    *,
    FIRST_VALUE(fix) OVER (
      PARTITION BY principal, user_agent, project, location, service, field ORDER BY seen DESC
    ) AS fix_now,
    FIRST_VALUE(team) OVER (PARTITION BY project, location, service ORDER BY seen DESC) AS team_now
  FROM told
)

SELECT
  principal,
  user_agent,
  project,
  location,
  service,
  team_now AS team,
  field,
  MAX(rounds) AS rounds,
  COUNT(DISTINCT DATE(seen)) AS days,
  MIN(first_at) AS first_at,
  MAX(last_at) AS last_at,
  fix_now AS fix
FROM latest
GROUP BY principal, user_agent, project, location, service, team_now, field, fix_now
