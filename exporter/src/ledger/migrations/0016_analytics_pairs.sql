-- Up Migration

-- Sums of an hour by each two dimensions, so that a series grouped by two reads about as many rows as it has points; and of half an
-- hour (level -1, numbered since 1970), so that zones which are half an hour off read sums, not facts. Both belong to the hour: they
-- are what its facts add up to where it is not in run_dirty.

-- Of a row about the first five: the rows about fewer, in the order of MARGINAL_MASKS and PAIR_MASKS. Under a name of its own: an
-- exporter of before would add up hours without these sums, and fails instead.
alter table fleetlens.run_dim rename column marginals to fewer;
create or replace function fleetlens.run_dim_about(wanted integer, text, text, text, text, text, text) returns integer language plpgsql as $$
declare found_id integer;
begin
  select d.id into found_id from fleetlens.run_dim d where d.mask = wanted and d.source = $2 and d.project = $3 and d.workflow = $4
    and d.persona = $5 and d.model = $6 and d.category = $7;
  if found_id is not null then
    return found_id;
  end if;
  insert into fleetlens.run_dim (mask, source, project, workflow, persona, model, category, fewer)
    values (wanted, $2, $3, $4, $5, $6, $7, case when wanted = 31 then fleetlens.run_dims_of_fewer($2, $3, $4, $5, $6) end)
    returning id into found_id;
  return found_id;
end $$;
create function fleetlens.run_dims_of_fewer(source text, project text, workflow text, persona text, model text) returns integer[]
  language sql as $$
  select array_agg(fleetlens.run_dim_about(m.mask, case when m.mask & 1 > 0 then source else '' end,
    case when m.mask & 2 > 0 then project else '' end, case when m.mask & 4 > 0 then workflow else '' end,
    case when m.mask & 8 > 0 then persona else '' end, case when m.mask & 16 > 0 then model else '' end, '') order by m.place)
  from unnest(array[0, 1, 2, 4, 8, 16, 3, 5, 9, 17, 6, 10, 18, 12, 20, 24]) with ordinality as m(mask, place)
$$;
update fleetlens.run_dim set fewer = fleetlens.run_dims_of_fewer(source, project, workflow, persona, model) where mask = 31;

-- Longer nodes stay as they are: only series of hours are answered from facts until their hours were added up anew.
insert into fleetlens.run_dirty (level, n, touched_at)
  select 0, n, '-infinity'::timestamptz from fleetlens.run_sum where level = 0 and mask = 0
  on conflict (level, n) do nothing;

-- Down Migration

delete from fleetlens.run_sum where level = -1 or mask in (3, 5, 9, 17, 6, 10, 18, 12, 20, 24);
create or replace function fleetlens.run_dim_about(wanted integer, text, text, text, text, text, text) returns integer language plpgsql as $$
declare found_id integer;
begin
  select d.id into found_id from fleetlens.run_dim d where d.mask = wanted and d.source = $2 and d.project = $3 and d.workflow = $4
    and d.persona = $5 and d.model = $6 and d.category = $7;
  if found_id is not null then
    return found_id;
  end if;
  insert into fleetlens.run_dim (mask, source, project, workflow, persona, model, category, marginals)
    values (wanted, $2, $3, $4, $5, $6, $7, case when wanted = 31 then array[
      fleetlens.run_dim_about(0, '', '', '', '', '', ''),
      fleetlens.run_dim_about(1, $2, '', '', '', '', ''), fleetlens.run_dim_about(2, '', $3, '', '', '', ''),
      fleetlens.run_dim_about(4, '', '', $4, '', '', ''), fleetlens.run_dim_about(8, '', '', '', $5, '', ''),
      fleetlens.run_dim_about(16, '', '', '', '', $6, '')] end)
    returning id into found_id;
  return found_id;
end $$;
drop function fleetlens.run_dims_of_fewer(text, text, text, text, text);
update fleetlens.run_dim set fewer = fewer[1:6] where mask = 31;
delete from fleetlens.run_dim where mask in (3, 5, 9, 17, 6, 10, 18, 12, 20, 24);
alter table fleetlens.run_dim rename column fewer to marginals;
