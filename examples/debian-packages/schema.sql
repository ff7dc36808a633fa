-- The Debian package index as a relational schema.
DROP TABLE IF EXISTS depends;
DROP TABLE IF EXISTS packages;
DROP TABLE IF EXISTS maintainers;

CREATE TABLE maintainers (
    id      integer PRIMARY KEY,
    domain  text
);
CREATE TABLE packages (
    id            integer PRIMARY KEY,
    name          text NOT NULL,
    version       text NOT NULL,
    section       text,
    priority      varchar(20),
    architecture  varchar(20) NOT NULL,
    installed_kb  bigint,
    size_bytes    bigint NOT NULL,
    maintainer_id integer,
    homepage      text,
    summary       text,
    sha256        char(64)
);
CREATE TABLE depends (
    package_id         integer NOT NULL,
    kind               text NOT NULL,
    alternative_group  smallint NOT NULL,
    depends_on         text NOT NULL,
    relation           text,
    version            text
);
CREATE INDEX packages_name ON packages (name);
CREATE INDEX packages_section_size ON packages (section, size_bytes);
CREATE INDEX depends_package ON depends (package_id);
CREATE INDEX depends_on_name ON depends (depends_on);
