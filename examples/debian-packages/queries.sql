-- Questions that a person would really ask of the package index.

-- How much is there?
SELECT count(*) AS packages, sum(size_bytes) AS bytes, count(DISTINCT name) AS names, count(homepage) AS with_homepage FROM packages;
SELECT count(*) AS rows, count(version) AS versioned FROM depends;

-- The ten largest sections.
SELECT section, count(*) AS packages, sum(size_bytes) AS bytes, round(avg(installed_kb), 2) AS average_kb
FROM packages GROUP BY section ORDER BY bytes DESC, section LIMIT 10;

-- The biggest package of each section.
SELECT p.section, p.name, p.size_bytes
FROM packages p
JOIN (SELECT section, max(size_bytes) AS largest FROM packages GROUP BY section) m ON m.section = p.section AND m.largest = p.size_bytes
ORDER BY p.size_bytes DESC, p.name LIMIT 15;

-- What most packages depend on.
SELECT depends_on, count(*) AS dependants FROM depends WHERE kind = 'Depends' GROUP BY depends_on ORDER BY dependants DESC, depends_on LIMIT 20;

-- A version look-up by primary key, and by name.
SELECT name, version, architecture FROM packages WHERE id = 12345;
SELECT id, version FROM packages WHERE name = 'postgresql-15';

-- Everything that a package needs, directly or not.
WITH RECURSIVE needs(name) AS (
    SELECT 'psql'::text WHERE false
  UNION
    SELECT d.depends_on FROM depends d JOIN packages p ON p.id = d.package_id
    WHERE p.name = 'postgresql-15' AND d.kind IN ('Depends', 'Pre-Depends')
  UNION
    SELECT d.depends_on FROM needs n JOIN packages p ON p.name = n.name JOIN depends d ON d.package_id = p.id
    WHERE d.kind IN ('Depends', 'Pre-Depends')
)
SELECT count(*) AS packages, min(name) AS first, max(name) AS last FROM needs;

WITH RECURSIVE needs(name) AS (
    SELECT d.depends_on FROM depends d JOIN packages p ON p.id = d.package_id
    WHERE p.name = 'git' AND d.kind IN ('Depends', 'Pre-Depends')
  UNION
    SELECT d.depends_on FROM needs n JOIN packages p ON p.name = n.name JOIN depends d ON d.package_id = p.id
    WHERE d.kind IN ('Depends', 'Pre-Depends')
)
SELECT name FROM needs ORDER BY name;

-- Packages nobody depends on, by section.
SELECT p.section, count(*) AS lonely FROM packages p
WHERE NOT EXISTS (SELECT 1 FROM depends d WHERE d.depends_on = p.name)
GROUP BY p.section ORDER BY lonely DESC, p.section LIMIT 10;

-- Text search with LIKE.
SELECT name, summary FROM packages WHERE summary LIKE '%database%' AND section = 'database' ORDER BY name LIMIT 20;
SELECT count(*) FROM packages WHERE summary ILIKE '%Web Server%' OR name LIKE 'lib%-dev';

-- Which maintainers look after most bytes?
SELECT m.domain, count(*) AS packages, sum(p.size_bytes) AS bytes
FROM packages p JOIN maintainers m ON m.id = p.maintainer_id
GROUP BY m.domain HAVING count(*) > 100 ORDER BY bytes DESC, m.domain LIMIT 10;

-- Dependencies by kind.
SELECT kind, count(*) AS rows, max(version) AS greatest, count(*) FILTER (WHERE relation = '>=') AS at_least
FROM depends GROUP BY kind ORDER BY kind;

-- Dependencies that no package of the index satisfies by name.
SELECT count(DISTINCT d.depends_on) AS unsatisfied
FROM depends d LEFT JOIN packages p ON p.name = d.depends_on
WHERE p.id IS NULL AND d.kind = 'Depends';

-- Packages with the same name in several versions.
SELECT name, count(*) AS versions FROM packages GROUP BY name HAVING count(*) > 1 ORDER BY versions DESC, name LIMIT 10;

-- The three largest packages of some sections, side by side.
SELECT s.section, t.name, t.size_bytes
FROM (VALUES ('games'), ('science'), ('doc')) AS s(section),
     LATERAL (SELECT name, size_bytes FROM packages p WHERE p.section = s.section ORDER BY size_bytes DESC, name LIMIT 3) t
ORDER BY s.section, t.size_bytes DESC, t.name;

-- Updates and deletes inside transactions.
BEGIN;
UPDATE packages SET priority = 'important', size_bytes = size_bytes + 1 WHERE section = 'database';
SELECT priority, count(*), sum(size_bytes) FROM packages WHERE section = 'database' GROUP BY priority ORDER BY priority;
SAVEPOINT before_delete;
DELETE FROM depends WHERE kind = 'Suggests';
SELECT kind, count(*) FROM depends GROUP BY kind ORDER BY kind;
ROLLBACK TO before_delete;
SELECT kind, count(*) FROM depends GROUP BY kind ORDER BY kind;
INSERT INTO maintainers VALUES (100001, 'example.org'), (100002, NULL) RETURNING id, domain;
UPDATE maintainers SET domain = domain || '.invalid' WHERE id > 100000 RETURNING *;
ROLLBACK;
SELECT count(*) FROM maintainers WHERE id > 100000;

BEGIN;
DELETE FROM packages WHERE section LIKE 'non-free%' OR section LIKE 'contrib%';
INSERT INTO packages (id, name, version, architecture, size_bytes) SELECT 1000000 + id, name || '-copy', version, architecture, size_bytes FROM packages WHERE section = 'database';
COMMIT;
SELECT count(*), max(id), count(section) FROM packages;
DELETE FROM packages WHERE id > 1000000;
SELECT count(*), max(id) FROM packages;
