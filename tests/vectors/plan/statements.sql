select 1
select 1, 'x', null, true, 1.5, 12345678901, 1e10
select a, b, c, d, e, f, g, h from t
select * from t
select t.*, u.id from t, u
select t.a as x, u.a y from t, u
select a + 1, a + 1.5, a + g, a + h, a * c, a / 2, a % 2, -a, +c, @ a from t
select b || 'x', e || b, a || 'x', b || a, 'x' || 'y' from t
select b like 'x%', b not like 'x', b ilike 'x', b ~ 'x', b similar to 'x', b like 'a' escape '!' from t
select a between 1 and 2, a not between 1 and 2, a between symmetric 2 and 1 from t
select a in (1, 2), a not in (1, 2), b in ('x', 'y'), a in (1, 2.5), a in (1, '2') from t
select a is null, a is not null, f is true, f is not unknown, a is distinct from 1 from t
select case when a = 1 then 1 else 2.5 end, case a when 1 then 'x' end, case when f then null else b end from t
select coalesce(a, 1), coalesce(b, 'x'), coalesce(a, 1.5), nullif(a, 1), greatest(a, 2.5, g), least(b, 'x') from t
select cast(a as text), a::bigint, '1'::int, date '2020-01-01', interval '1 day', b::varchar(5), c::numeric(5,1) from t
select '1'::numeric(3,1), 'x'::char(3), 'x'::char, 'x'::varchar(2), '2020-01-01'::timestamp(3), 12.34::numeric(3,1)
select count(*), count(a), sum(a), sum(h), sum(c), sum(g), avg(a), avg(g), min(b), max(d), bool_and(f) from t
select string_agg(b, ','), array_agg(a), array_agg(b), every(f), stddev(a), variance(c) from t
select b, count(*) from t group by b
select b, count(*) from t group by 1 having count(*) > 1 order by 2 desc
select a + 1, count(*) from t group by a + 1
select b as x, count(*) from t group by x
select a, b, c from t group by a
select upper(b), length(b), substr(b, 1, 2), substring(b from 2 for 3), position('x' in b), trim(b), trim(both 'x' from b) from t
select lower('X'), abs(a), abs(c), round(c, 1), round(g), floor(c), ceil(g), power(a, 2), sqrt(a), mod(a, 2) from t
select now(), current_date, current_timestamp, current_time, localtime, localtimestamp, current_timestamp(3)
select current_user, session_user, user, current_catalog, current_schema
select extract(year from d), date_part('month', d), date_trunc('day', d), d + interval '1 day', d - d, d::date + 1, d::date - d::date from t
select d at time zone 'UTC', d at time zone 'UTC' at time zone 'UTC', overlay(b placing 'x' from 1) from t
select array[1,2,3], array[1, 2.5], array['a', 'b'], array[]::int[], array[array[1,2], array[3,4]]
select tags[1], array_length(tags, 1), tags || '{x}', 'x' = any(tags), tags || tags from u
select row(1, 'x'), (1, 2) = (1, 2), (1, 2) < (2, 3)
select (select 1), (select a from t limit 1), exists (select 1), array(select a from t), a in (select id from u) from t
select a = any (select id from u), a > all (select id from u), (a, h) in (select a, id from u) from t
select * from (values (1, 'x'), (2, null)) as q(n, s)
values (1, 'a'), (2.5, null)
select a from t union select id from u
select a from t union all select c from t order by 1
select 1 union select 2.5 union select null
select 'x' union select null
select null union select null
select a, b from t intersect select a, name from u
select a from t except select a from u order by a limit 1
with w as (select a, b from t) select * from w
with w(x, y) as (select a, b from t) select x from w
with recursive n(i) as (select 1 union all select i + 1 from n where i < 10) select * from n
select * from t join u on t.a = u.a
select * from t join u using (a)
select * from t natural join u
select * from t left join u using (a) right join v on x = id
select * from t full join u using (a)
select j.* from (t join u using (a)) as j
select * from t cross join v
select s.x from (select a as x from t) s
select s.x from (select a from t) s(x)
select * from generate_series(1, 10)
select * from generate_series(1, 10) as g
select * from generate_series(1, 10) as g(n)
select * from generate_series(1, 10) with ordinality
select * from rows from (generate_series(1, 2), generate_series(1, 3)) as r(a, b)
select * from unnest(array[1,2]) as x
select * from unnest(array['a','b']) with ordinality as x(v, n)
select generate_series(1, 3), a from t
select unnest(tags) from u
select s.* from u, lateral (select t.a from t where t.a = u.a) s
select u.id, g from u, generate_series(1, u.a) g
select distinct b from t
select distinct on (b) b, a from t order by b, a
select a from t order by b
select a as x from t order by x
select a from t order by a + 1 desc nulls last limit 3 offset 1
select a from t limit '5'
select a from t fetch first 2 rows only
select count(distinct a), count(*) filter (where a > 1), string_agg(b, ',' order by a) from t
select coalesce(sum(a), 0) from t
select sum(a) + 1, max(a) - min(a) from t
select md5(b), encode('x', 'hex'), to_char(d, 'YYYY'), to_char(a, '999'), concat(a, b, c), concat_ws(',', a, b), format('%s', a) from t
select pg_typeof(1), version(), current_database(), current_setting('x'), txid_current()
select random(), pi(), gen_random_uuid()
select 1 as "Foo", 2 as bar
select 'a' 'b'
select b collate "C" from t
select '{1,2}'::int[], '{a}'::text[]
select 1 = '1', 1.5 = '1.5', 'x' = 'x', now() > '2020-01-01'
select 1::int2 + 1, 1::int2 + 1::int2, 1::int8 + 1, 1.0 + 1, 1::float4 + 1, 1::float4 + 1.0, 1 + 1::float8
select not f, f and true, f or false, not (a = 1) from t
select interval '1' day, interval '1 day' * 2, interval '1' year to month, time '10:00' + interval '1 hour'
select int4(1.5), text(1), float8 '1', numeric '1.5', bool 'true'
select oid, relname from pg_class
select 'pg_class'::regclass, 'int4'::regtype
select z, z * 2, x * z from v
select ((1))
select a from t where f
select a from t where a = '5'
select a from t where h = a and c = a and g = a
select a from t where d > '2020-01-01' and d < now()
select a from t where b > 'x' and e = 'y' and b = e
select lag(a) from t
select array_agg(a order by b desc) from t
select count(*) from t where exists (select 1 from u where u.a = t.a)
select max(a) from t having max(a) > 1
select 1 from t having true
select 1 group by 1
select substring('abc' for 2), substring('abc' from 'b'), left('abc', 1), right('abc', 1)
select b::int, b::timestamp, a::text::int from t
select length(e), upper(e), e || 'x', e = 'x', e like 'x' from t
select log(2), log(2, 8), ln(2.0), exp(1), exp(1.0)
select round(1.5), round(1.5::float8), trunc(1.55, 1), ceil(1)
select nosuch
select nosuch from t
select t.nosuch from t
select x.a from t
select aa from t
select nam from u
select t.aa from t
select u.a from t
select t.a from t as x
select a from t, u
select a from nosuch
select a from nosuch.t
select a from public.t, public.nosuch
select public.t.a from t
select public.t.a from public.t
select nosuch(1)
select nosuch(a, b) from t
select nosuch.f(1)
select length(1)
select abs('x'::text)
select upper(1, 2)
select a + b from t
select a = b from t
select a || a from t
select - b from t
select not a from t
select a and f from t
select a from t where a
select a from t where b
select a from t having a
select case when a then 1 end from t
select case when f then 1 else 'x' end from t
select case when f then a else d end from t
select coalesce(a, b) from t
select coalesce(a, d) from t
select array[1, 'x']
select array[a, d] from t
select array[]
select 1 union select 'x'
select 1 union select 1, 2
select a from t union select b from t
select a from t union select a from u order by b
select a from t union select a from u order by a + 1
select a, count(*) from t
select a, count(*) from v, t
select x, count(*) from v
select x + y from v group by x
select x from v group by y
select x from v having count(*) > 1
select count(*) from v where count(*) > 1
select count(*) from v join t on count(*) > 1
select count(count(*)) from v
select x from v group by count(*)
select sum(b) from t
select x from v order by 5
select x from v order by 'x'
select x from v group by 5
select x as q, y as q from v order by q
select distinct x from v order by y
select distinct on (x) x, y from v order by y
select x from v limit x
select x from v limit 'x'
select x from v limit true
select x from v offset 'a'
select 'x'::int
select 'abc'::date
select '1.5.5'::numeric
select 1::date
select true::date
select a::uuid from t
select b::nosuch from t
select 'x'::varchar(0)
select 1::numeric(0)
select 1::int(5)
select 1::nosuch.x
select * 
select * from t, t
select * from t x, u x
select * from t join u using (nosuch)
select * from t join u using (b)
select * from t join u on t.a
select * from t join u on x.a = 1
select * from (select 1)
select * from (select a from t) s(x, y)
select * from t as q(a, b, c, d, e, f, g, h, i)
select * from t, (select t.a) s
select * from t join (select t.a) s on true
select (select a, b from t)
select 1 in (select a, b from t)
select (1, 2) in (select a from t)
select (1, 2) = (1, 2, 3)
select a in (select b from t) from t
select a = any (1) from t
select 1 = any ('{a}')
select tags[1] + 1 from u
select a[1] from t
select generate_series(1, 2) from t where generate_series(1, 2) > 1
select count(*) from generate_series(1, count(*))
select nosuch from generate_series(1, 2) g
select max(*) from t
select length(*) from t
select count() from t
select length(distinct b) from t
select length(b) filter (where true) from t
select upper(b order by b) from t
select x from v group by x having y > 1
select (select x from v group by y)
select (select count(t.a)) from t
select (select t.b from u group by u.a) from t group by t.a
select (select t.b) from t group by t.c
select row_number() from t
select date_part('x')
select current_setting()
select $1
select $1::int, $1
select $1 + $2
select $1 = 1
select a from t where a = $1 and b = $2
select a from t where a in ($1, $2) limit $3
values (1, 2), (3)
values (1), ('x')
with w as (select 1) select * from nosuchw
with w as (select 1), w as (select 2) select 1
with w(a, b) as (select 1) select 1
with recursive n as (select 1 union all select 'x' from n) select * from n
with recursive n(i) as (select 1 union all select i + 1.5 from n) select * from n
insert into t values (1)
insert into t (a, b) values (1, 'x'), (2, null)
insert into t (a, b) values (1)
insert into t (a) values (1, 2)
insert into t values (1, 2, 3, 4, 5, 6, 7, 8, 9)
insert into t (nosuch) values (1)
insert into t (a, a) values (1, 2)
insert into nosuch values (1)
insert into t (d) values (1)
insert into t (a) values ('x')
insert into t (a) select b from t
insert into t (a, b) select 1
insert into t (a, b) select id, name from u returning a, b, t.c
insert into t default values returning *
insert into t (a) values (default)
insert into u (id, name, tags) values (1, 'x', '{a,b}') returning id + 1, upper(name)
insert into v values (1, 2, '1 day'), (3, 4, interval '2 days')
insert into v values (1, 2), ('3', 4)
insert into v (x) values (1.5), (2)
update t set b = 'x' where a = 1
update t set b = 'x', b = 'y'
update t set nosuch = 1
update t set a = 'x'
update t set a = d
update t set c = a + 1, b = default returning a, c
update t set (a, b) = (1, 'x')
update t set (a, b) = (1)
update t set (a, b) = (select id, name from u limit 1)
update t set b = u.name from u where u.a = t.a returning t.a, u.id
update t as q set b = 'x' where t.a = 1
update t set b = (select name from u where u.a = t.a)
update nosuch set a = 1
update t set a = count(*)
delete from t
delete from t where a = 1 returning *
delete from t using u where t.a = u.a
delete from nosuch
delete from t where nosuch = 1
delete from t where count(*) > 1
delete from t as q where q.a = 1 returning q.b
select a from t for update
select (t).a from t
select count(t) from t
select interval '1 day' + 1
select date '2020-01-01' - 1, date '2020-01-01' + 1.5
select 1 < 2 < 3
select b < a from t
select 'a' < 1
select 1.5::int2 | 1.5
select 5 & 3, 5 # 3, ~5, 5 << 2
select ctid from nosuch
select x y z from v
select greatest(1, 'x')
select greatest(a, b) from t
select nullif(a, b) from t
select nullif(1, 'x')
select a between 'x' and 2 from t
select a in (1, 'x') from t
select a in (b) from t
select b in (1, 2) from t
select substring(1 from 2)
select position(1 in 'x')
select extract(year from 'x')
select extract(year from 1)
select b at time zone 'UTC' from t
select a is true from t
select a is distinct from b from t
select b similar to 1 from t
select a like 'x' from t
select string_agg(b) from t
select string_agg(a, ',') from t
select array_agg(distinct a order by b) from t
select sum(distinct a), count(distinct b) from t
select json '{"a":1}'
select to_json(1)
select make_date(2020, 1, 1), make_interval(days => 3)
select make_interval(days := 3, nosuch := 1)
select concat(variadic array['a', 'b'])
select greatest(date '2020-01-01', timestamp '2020-01-01')
select '2020-01-01' < date '2020-01-02'
select coalesce(null, null), nullif(null, null)
select sum(1), sum(1.5), sum(1::float4), sum(interval '1 day'), avg(interval '1 day'), sum(1::int8), sum(1::int2)
select 1 where 1
select tags || 'x' from u
select a + 1 from t where a + 1
select coalesce(a + 1, b || 'x') from t
update t set d = a + 1
select upper(b) from t where length(b) + 1
select a from t where a + 'x' = 1
select a from t order by nosuch
select a from t group by nosuch
select sum(a) from t group by t.nosuch
select t.a, u.a from t, u where a = 1
select a from t join u using (a) where t.a = u.a
select a, count(*) from t join u using (a) group by a
select t.a, count(*) from t join u using (a) group by u.a
select b, c, sum(g) from t group by b
select u.name, count(t.a) from u left join t on t.a = u.a group by u.id
select (select count(*) from u where u.a = t.a) from t group by t.a
select count(*) + (select max(x) from v) from t
select sum(a) from t order by sum(a)
select b from t group by b order by count(*)
select b, 1 from t group by b, 2
select b as a, count(*) from t group by a
select x, y, count(*) from v group by (x, y)
select count(*) from v group by ()
select x from v union select y from v union all select a from t order by x
(select x from v limit 1) union all (select y from v order by 1)
select * from (select x from v union select y from v) s where x > 1
select x from (values (1), (2.5)) s(x)
select x::text || 'a' from v
select 'a' || 1, 1 || 'a', 'a' || null
select 1 || 2
select null || 'a', null + 1, null = null
select now() - interval '1 day', now() - now(), current_date - 1, current_date - interval '1 day'
select b = 'x'::varchar, e = b, e || b, lower(e) from t
select avg(c), sum(c), min(c), c + 1, c * 2, c / 3, round(c) from t
select -1, - 1.5, +a, -(a) from t
select 2147483648, -2147483648, 9223372036854775808
select 1::float8 / 2, 5 / 2, 5.0 / 2, 5 % 2, 2 ^ 3, |/ 4
select exists (select * from t), not exists (select 1)
select a from t where a > all (select a from u) or a = some (select a from u)
select array(select b from t order by 1)
select case when true then 'a' end, case 'a' when 'b' then 1 else null end
select true and null, not null, null is null
select cast('1' as int), cast(1 as varchar(3)), '{1,2,3}'::int[][2]
select (array[1,2,3])[2], ('{a,b}'::text[])[1]
select g.* from generate_series(1, 3) g
select n, count(*) from generate_series(1, 3) n group by n
select t.b from t where t.b = any ($1)
select a from t where b like $1 || '%'
select $1::text || $2
insert into t (a, c, d, f) values ($1, $2, $3, $4)
update t set b = $1, d = $2 where h = $3
select date_trunc('month', $1::timestamp), $2 + interval '1 day'
