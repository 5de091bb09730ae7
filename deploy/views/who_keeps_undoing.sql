-- Who keeps undoing protections, where, with which tool, and which change at the
-- source ends it?
--
-- Only contested reports have the answer, and the table is clustered by outcome. Every
-- event and sweep reports a contest for as long as it lasts, with all actors. One row
-- is one actor, one service and one setting. rounds is the highest number within 24
-- hours; days is the number of days (UTC) with a report.
WITH contested AS (
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
  FROM contested
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
