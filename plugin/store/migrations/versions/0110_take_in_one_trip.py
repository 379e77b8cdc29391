"""A draw from an account's budget in one round trip, and without waiting for the disk."""

from alembic import op

revision = "0110"
down_revision = "0100"


def upgrade() -> None:
    op.execute("""
        create function sla_take_v1(
            _connection text, _buckets text[], _costs int[], _shares float8[]
        ) returns float8 language plpgsql as $$
        declare
            _now timestamptz;
            _row budgets;
            _cost int;
            _share float8;
            _ahead interval;
        begin
            -- what a crash forgets of it is a second's requests
            perform set_config('synchronous_commit', 'off', true);
            for _n in 1 .. cardinality(_buckets) loop
                select * into _row from budgets
                where connection = _connection and bucket = _buckets[_n] for update;
                continue when not found;  -- what was never declared holds nobody up
                _cost := _costs[_n];
                _share := _shares[_n];
                _now := clock_timestamp();
                _ahead := make_interval(
                    secs => greatest(0, _row.slack - (_cost - 1) * _row.spacing));
                if greatest(_row.free_at, case when _share is null then _row.free_at
                                               else _row.bulk_free_at end) > _now + _ahead then
                    raise exception using errcode = 'SLA01', message = extract(epoch from
                        greatest(_row.free_at, case when _share is null then _row.free_at
                                                    else _row.bulk_free_at end)
                        - _ahead - _now)::text;
                end if;
                update budgets set
                    free_at = greatest(_row.free_at, _now)
                        + make_interval(secs => _cost * _row.spacing),
                    bulk_free_at = case when _share is null then _row.bulk_free_at
                        else greatest(_row.bulk_free_at, _now)
                             + make_interval(secs => _cost * _row.spacing / _share) end
                where connection = _connection and bucket = _buckets[_n];
            end loop;
            return 0;
        exception when sqlstate 'SLA01' then
            return greatest(sqlerrm::float8, 0.001);  -- and nothing is taken from any bucket
        end $$
    """)
