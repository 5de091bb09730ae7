-- The scheduled query. It keeps the findings in a table for people to read, and fails when
-- there are any: an alert fires for a run that failed, whatever the cause.
DECLARE message STRING;

CREATE OR REPLACE TABLE `${findings}` AS
${blind};

SET message = (
  SELECT CONCAT(CAST(COUNT(*) AS STRING), ' findings, among them: ', MIN(CONCAT(kind, ' ', name, ': ', why)))
  FROM `${findings}`
  HAVING COUNT(*) > 0
);

IF message IS NOT NULL THEN
  RAISE USING MESSAGE = message;
END IF;
