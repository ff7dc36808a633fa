select
select 1, 2.5, .5, 5., 1e10, 1.5e-3, -7, 'text', null, true, false
select * from items where id = $1
select a.b, a.*, s.t.c, (r).f, (r).*, ($1).x, arr[1], arr[1:2], arr[:], m[1][2].name from a
select e'a\nb\x41\u00e9\'q', u&'d\0061t\+000061', u&'x!0041' uescape '!', b'1010', x'1f', n'nat', $$dollar$$, $tag$in $$ner$tag$
select 'one' from t where "Quoted" = U&"d\0061ta"
select /* a /* nested */ comment */ 1 + 2 * 3 ^ 4 - 5 % 6 / 7
select a + b, a || b -> 'k' ->> 'l', @ a, - b, !! c, a operator(pg_catalog.+) b, a <-> b, a @> b, a ~~* 'x'
select not a and b or c is null and d isnull or e notnull or f is not null
select a is true, a is not false, a is unknown, a is distinct from b, a is not distinct from b, a is nfc normalized, a is not normalized, x is document
select a between 1 and 2, a not between symmetric b and c + 1, a in (1, 2, 3), a not in (select 1), (a, b) in (select 1, 2)
select a like 'x%', a not like b escape '\', a ilike 'y', a not ilike 'z', a similar to 'q', a not similar to 'r' escape '#'
select a = any (arr), a <> all (select 1), a like any (array['x', 'y']), a < some ($1), a not ilike all (z)
select ts at time zone 'UTC', a collate "C", a::int::text, cast(a as numeric(10, 2)), date '2020-01-01', interval '1 day', interval '1' day to second(3), interval(3) '1 s', double precision '1.5'
select timestamp with time zone '2020-01-01', time(3) without time zone '10:00', bit varying(5) '101', character varying 'x', national character(3) 'abc', float(10) '1', pg_catalog.int4 '5', numeric(3,1) '1.5'
select case when a then b when c then d else e end, case x when 1 then 2 end, coalesce(a, b), nullif(a, b), greatest(1, 2), least(a, b, c)
select exists (select 1), (select 2), array[1, 2], array[[1, 2], [3, 4]], array(select 3), row(1, 2), row(), (1, 2), ((select 3) + 1), ((select 4)), array[]::int[]
select f(), f(1), f(a, b => 2, c := 3), s.f(variadic arr), count(*), count(distinct a), string_agg(a, ',' order by b desc nulls last), f(all x)
select percentile_cont(0.5) within group (order by x), count(*) filter (where a > 1), rank() over w, sum(a) over (partition by b order by c rows between 1 preceding and current row exclude ties), lag(a) over () from t window w as (order by z), w2 as (w range unbounded preceding)
select extract(year from d), substring(a from 1 for 2), substring(a for 2), substring(a, 1), position('a' in b), overlay(a placing b from 1 for 2), trim(both 'x' from y), trim(leading from z), trim(trailing 'q' from r), trim(a), normalize(a, nfd), collation for (a), treat(a as int), substring(a similar b escape c)
select current_date, current_time(2), current_timestamp, localtime, localtimestamp(3), current_user, session_user, user, current_role, current_catalog, current_schema, current_schema()
select (a, b) overlaps (c, d), row(1, 2) overlaps (3, 4), grouping(a, b), a as "label", b c, d as select
select distinct a from t; select distinct on (a, b) a, b, c from t order by a, b, c desc
select all a from only t, t2 *, only (t3) as x, s.t4 as y (c1, c2), lateral (select 1) z
select * from a join b on a.x = b.x left outer join c using (x, y) as j natural full join d cross join e right join (f inner join g on true) on false
select * from a join b join c on 1 = 1 on 2 = 2
select * from (a cross join b) as ab (x, y), (select 1) q, (values (1, 'x'), (2, 'y')) v (n, s), ((select 1) union select 2) u
select * from generate_series(1, 10) with ordinality as g (v, n), lateral f(x) l, rows from (f(1), g(2) as (a int, b text)) with ordinality r, json_to_record('{}') as j(a int, b text collate "C"), h() as (x int)
select * from t tablesample bernoulli (10) repeatable (5), u as al tablesample system (1)
select a, count(*) from t group by a, rollup (b, c), cube (d, (e, f)), grouping sets ((a), (), rollup (x)) having count(*) > 1
select a from t group by distinct a, b
select a from t order by a using <, b desc nulls first, c asc nulls last limit 10 offset 5
select a from t offset 5 rows fetch first 10 rows only
select a from t order by a fetch next 3 rows with ties
select a from t limit all for update of t nowait for no key update skip locked for share for key share
select 1 union select 2 union all select 3 intersect select 4 except all (select 5 order by 1 limit 1) order by 1 limit 2
(select 1) union (select 2 order by 1) order by 1
values (1, 2), (3, default)
table t
with a as (select 1), b (x, y) as materialized (select 2, 3), c as not materialized (insert into t values (1) returning *) select * from a, b, c
with recursive r (n) as (select 1 union all select n + 1 from r) search depth first by n set ord cycle n set is_cycle to 1 default 0 using path select * from r
with w as (select 1) insert into t select * from w
select a into temp table x from t
insert into t default values
insert into s.t as x (a, b.c, d[1]) overriding system value values (1, default, 'x') on conflict (a, lower(b) collate "C" text_ops) where c do update set a = excluded.a, (b, d) = (1, 2) where x.a > 1 returning *, a as q
insert into t (a) select 1 on conflict do nothing
insert into t values (1) on conflict on constraint t_pkey do nothing returning a
update only t as x set a = 1, (b, c) = (select 1, 2), d[1] = default, e.f = 3 from y join z on true where x.a = y.a returning x.*
update t set a = 1 where current of cur
delete from t using a, b where t.x = a.x returning *
delete from only t x where false
merge into t as x using s on x.a = s.a when matched and x.b > 1 then update set c = s.c when matched then delete when not matched and s.q then insert (a, b) overriding user value values (s.a, default) when not matched then do nothing
truncate table a, only b restart identity cascade
create table t (a int primary key, b text not null default 'x' || 'y', c numeric(10, 2) check (c > 0) no inherit, d int references o (id) match full on delete set null on update cascade deferrable initially deferred, e varchar(10)[] collate "C" unique, f int generated always as identity (start with 5 increment by 2), g int generated always as (a * 2) stored, h int constraint nn not null null)
create temp table if not exists t (a int, b int, constraint pk primary key (a, b) include (c) with (fillfactor = 70) using index tablespace ts, unique nulls not distinct (b), check (a > b) not valid, foreign key (a) references x on delete set default (a) not deferrable, exclude using gist (a with =, (b + 1) with operator(pg_catalog.&&)) where (a > 0)) on commit delete rows
create unlogged table t (like s including all excluding indexes, z int) inherits (p1, p2) with (fillfactor = 50, autovacuum_enabled = false, toast.x = 1) tablespace ts
create table p (a int, b text) partition by range (a, (b || 'x') collate "C" text_ops)
create table p1 partition of p for values from (1, minvalue) to (10, maxvalue) partition by list (b)
create table p2 partition of p (a default 5) for values in (1, null); create table p3 partition of p default; create table p4 partition of p for values with (modulus 4, remainder 0)
create table t of typ (a with options primary key)
create table t () without oids
create table t as select 1 as a with no data; create table if not exists u (x, y) with (a = 1) on commit drop as values (1, 2); create table v as execute prep (1)
create unique index concurrently if not exists i on only s.t using btree (a desc nulls last, lower(b), (c + d) collate "C" int4_ops (x = 1)) include (e) nulls not distinct with (fillfactor = 70) tablespace ts where a > 1
create index on t (a)
create or replace temp view v (a, b) with (security_barrier) as select 1, 2 with local check option
create recursive view v (n) as select 1; create materialized view if not exists m using heap with (x = 1) tablespace ts as select 1 with no data
create schema if not exists s authorization joe; create schema authorization current_user create table t (a int) create view v as select 1 grant select on t to public
create sequence if not exists s as bigint increment by 2 minvalue -5 no maxvalue start 10 cache 5 no cycle owned by t.a
create user u with superuser nocreatedb login password 'x' connection limit 5 valid until '2030-01-01' in role a, b role c admin d; create role r; create group g
create database d with owner = joe template template0 encoding 'UTF8' connection limit -1 allow_connections = false
create type e as enum ('a', 'b'); create type c as (x int, y text collate "C"); create type r as range (subtype = float8); create type sh; create type b (input = f, output = g, like = int4)
create domain d as int default 5 constraint pos check (value > 0) not null
create or replace function f(a int, out b text, variadic c int[] default '{}', inout d int = 5) returns setof record language sql immutable strict parallel safe cost 10 rows 5 security definer set search_path to a, b as $$ select 1 $$, 'sym'
create function g(x int) returns table (a int, b text) begin atomic select 1; select 2; end
create procedure p(a int) language sql as 'select 1'; create function h() returns int return 1 + 2; create function tt(t.a%type) returns trigger language plpgsql as ''
create trigger tr before insert or update of a, b or delete on t referencing new table as n old table o for each row when (new.a > 1) execute function f('x', 1, y)
create constraint trigger tr after insert on t from u deferrable initially deferred for each row execute procedure f()
create extension if not exists e with schema s version '1.0' cascade
alter table if exists only t add column if not exists a int not null, drop column if exists b cascade, alter c type text collate "C" using c::text, alter column d set default 5, alter d drop default, alter e set not null, alter e drop not null
alter table t add constraint c check (a > 0) not valid, add primary key using index i, validate constraint c, drop constraint if exists d restrict, alter constraint f deferrable initially deferred
alter table t alter a set statistics 100, alter b set (n_distinct = 5), alter b reset (n_distinct), alter c set storage external, alter d set compression pglz, alter e add generated by default as identity (start 5), alter f set generated always set increment by 2 restart with 10, alter g drop identity if exists, alter h drop expression
alter table t cluster on i, set without cluster, set logged, set unlogged, set tablespace ts, set (a = 1), reset (b), inherit p, no inherit q, of typ, not of, owner to joe, replica identity using index i, replica identity full
alter table t enable trigger all, disable trigger user, enable always trigger x, enable replica rule r, disable rule s, enable row level security, force row level security, no force row level security
alter table p attach partition p1 for values in (1); alter table p detach partition p1 concurrently; alter table p detach partition p1 finalize
alter table t rename column a to b; alter table t rename a to b; alter table t rename to u; alter table t rename constraint a to b; alter table t set schema s
alter index i set (fillfactor = 50); alter index i rename to j; alter index i attach partition k; alter index i alter column 1 set statistics 5
alter view v alter column a set default 1; alter view if exists v rename to w; alter materialized view m set schema s; alter view v owner to joe; alter view v set (check_option = local)
alter sequence if exists s restart with 5 increment -1 cycle; alter sequence s owner to joe; alter sequence s owned by none; alter sequence s set schema x; alter sequence s rename to r
alter schema s rename to t; alter schema s owner to joe; alter database d set timezone to 'UTC'; alter database d reset all; alter database d rename to e; alter database d set tablespace ts; alter database d connection limit 5; alter database d owner to joe
alter role r with nologin password null; alter user u set work_mem = '1MB'; alter role all in database d reset all; alter role r rename to s; alter group g add user a, b; alter group g drop user c; alter role r in database d set x.y to on, off
alter type e add value if not exists 'c' before 'a'; alter type e rename value 'a' to 'b'; alter type c add attribute z int cascade, drop attribute if exists y, alter attribute x type text; alter type c rename attribute a to b; alter type c rename to d; alter type c owner to joe
alter domain d set default 1; alter domain d drop not null; alter domain d add constraint c check (value > 1) not valid; alter domain d drop constraint if exists c cascade; alter domain d validate constraint c; alter domain d rename constraint a to b
alter function f(int, text) owner to joe; alter function f(int) rename to g; alter procedure p set schema s; alter aggregate a(*) rename to b; alter operator + (int, int) owner to joe; alter trigger t on u rename to v
alter default privileges for role a in schema s grant select on tables to b with grant option
drop table if exists a, s.b cascade; drop view v restrict; drop index concurrently if exists i; drop schema s, t; drop sequence s; drop type a, b; drop domain d; drop materialized view m; drop extension e
drop function f(int, out text), g; drop procedure p(); drop aggregate a(int order by text), b(*); drop operator + (int, none), s.- (none, int) cascade; drop cast (int as text); drop trigger if exists tr on t; drop rule r on t; drop policy p on t
drop operator class c using btree; drop collation c; drop language l; drop database if exists d with (force); drop role a, b; drop user if exists u; drop owned by a cascade; reassign owned by a, b to c
grant select (a, b), insert, update on table t, u to joe, public with grant option granted by current_user; grant all privileges on all tables in schema s to joe; grant usage on schema s to group g; grant execute on function f(int) to a; grant create on database d to x
grant a, b to c with admin option; revoke grant option for select on t from joe cascade; revoke admin option for a from b; revoke all on sequence s from public
comment on table t is 'text'; comment on column t.a is null; comment on function f(int) is 'x'; comment on constraint c on t is 'y'; comment on constraint c on domain d is 'z'; comment on trigger tr on t is 'w'; comment on operator + (int, int) is 'v'; comment on type int is 'q'; comment on role r is 'r'
begin; begin transaction isolation level serializable, read only, not deferrable; start transaction read write; commit and chain; end work; rollback and no chain; abort; savepoint s; release savepoint s; release s; rollback to savepoint s; rollback work to s
prepare transaction 'x'; commit prepared 'x'; rollback prepared 'x'
set a = 1; set local a.b to 'x', y; set session c = default; set time zone 'UTC'; set time zone local; set time zone interval '1' hour; set time zone -5; set d to on; set e from current; set names 'utf8'; set role joe; set session authorization default; set schema 'x'
set transaction isolation level repeatable read; set session characteristics as transaction read only; set transaction snapshot 'x'; set constraints all deferred; set constraints a, b.c immediate
reset a; reset all; reset time zone; reset session authorization; show a; show all; show time zone; show transaction isolation level; show s.t; discard all; discard plans; discard temp; discard sequences
prepare p (int, text[]) as select $1, $2; prepare q as insert into t values ($1); execute p (1, 'x'); execute q; deallocate p; deallocate prepare all; deallocate all
declare c binary insensitive no scroll cursor with hold for select 1; declare d cursor for select 2; fetch c; fetch next from c; fetch prior in c; fetch first c; fetch last from c; fetch absolute -5 c; fetch relative 2 from c; fetch 10 c; fetch all c; fetch forward all in c; fetch backward 3 from c; move 5 from c; close c; close all
copy t from stdin; copy s.t (a, b) to '/x' with (format csv, header true, delimiter ',', null '', force_quote (a, b), force_null *); copy (select 1) to stdout with csv header quote '"' force quote a; copy t from program 'cat' with delimiter as '|' null as 'N' where a > 1; copy binary t to '/y'; copy t from '/z' using delimiters ';'
explain select 1; explain analyze verbose select 1; explain (analyze, costs off, format json, buffers true) insert into t values (1); explain create table t as select 1; explain execute p (1)
vacuum; vacuum full freeze verbose analyze t (a, b), u; vacuum (full, parallel 2) t; analyze; analyze verbose t; analyze (skip_locked true) t (a); reindex table t; reindex (verbose) index concurrently i; reindex schema s; reindex database d; cluster; cluster verbose t using i; cluster i on t; checkpoint
lock table a, only b in access exclusive mode nowait; lock c; lock d in share row exclusive mode; lock e in row share mode; listen x; notify x; notify x, 'payload'; unlisten x; unlisten *
do $$ begin end $$; do language plpgsql 'x'; call p(1, a => 2); call s.p(); refresh materialized view concurrently m with no data; refresh materialized view m with data
create aggregate a (int) (sfunc = f, stype = int); create operator + (leftarg = int, procedure = f); create cast (int as text) with function f(int) as implicit; create rule r as on insert to t do instead (select 1; select 2); create policy p on t for select to public using (true)
create statistics s (ndistinct) on a, b from t; create publication p for table t; create server s foreign data wrapper w; create collation c from "C"; create text search configuration c (copy = x); load 'x'; security label on table t is 'x'; alter system set a = 1
select time, position, "values", between, coalesce from t; select year y, name n, t.select from t; select left('a', 1), right('b', 2)
select 2147483647, 2147483648, -2147483648, 9223372036854775808, $1::int, 1.e5
select a<>-1, a<=-b, a@-b, a*-b, a=+b, 'x'::"char", a --c
