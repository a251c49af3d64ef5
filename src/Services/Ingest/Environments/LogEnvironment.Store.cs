using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Contracts.Packages;
using EnvPlatform.Ingest.Packages;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.ServiceDefaults.Prefixes;

using Npgsql;

namespace EnvPlatform.Ingest.Environments;

/// <content>The single transaction of a log with new content.</content>
internal static partial class LogEnvironment
{
    private sealed record Outcome(bool Created, bool Changed);

    /// <summary>Null when the log names only a digest that this organization has not logged before.</summary>
    /// <remarks>
    /// Rows are always locked in the same order, to avoid deadlocks: the set, the organization's access to it, its package descriptions,
    /// the owner, the environment.
    /// </remarks>
    private static async Task<Outcome?> StoreAsync(
        NpgsqlDataSource db, KnownPackages known, Dictionary<PackageKey, int>? ids, Caller caller, Log log, DateTimeOffset now,
        CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        var set = ids is null ? await FindReachableSetAsync(tx, log) : await EnsureSetAsync(tx, log, [.. ids.Values.Order()], now);
        if (set is null)
        {
            return null;
        }

        await ReachAsync(tx, log, set.PackageSetId, now);
        if (ids is not null)
        {
            await known.DescribeAsync(tx, log.OrgId, log.Packages!, ids);
        }

        await KeepOwnerAsync(tx, caller);
        var requested = log.Packages?.Where(package => package.Requested).Select(package => ids![package.Key]).Order().ToArray();
        var before = await LockAsync(tx, log);
        var created = false;
        if (before is null)
        {
            created = await InsertAsync(tx, caller, log, set, requested, now);
            before = created ? null : await LockAsync(tx, log);
        }

        var outcome = created ? new Outcome(true, true) : await UpdateAsync(tx, caller, log, set, requested, before!, now);
        await tx.CommitAsync();
        if (ids is not null)
        {
            known.Remember(log.OrgId, log.Packages!, ids);
        }

        return outcome;
    }

    /// <summary>The set of this digest, if this organization has logged it itself.</summary>
    private static Task<PackageSet?> FindReachableSetAsync(Tx tx, Log log) =>
        tx.QuerySingleOrDefaultAsync<PackageSet>(
            """
            select package_set_id, package_count
            from package_sets join organization_package_sets using (package_set_id)
            where digest = @Digest and org_id = @OrgId
            """, new { log.Digest, log.OrgId });

    private static async Task<PackageSet> EnsureSetAsync(Tx tx, Log log, int[] ids, DateTimeOffset now)
    {
        const string find = "select package_set_id, package_count from package_sets where digest = @Digest";
        return await tx.QuerySingleOrDefaultAsync<PackageSet>(find, new { log.Digest })
            ?? await tx.QuerySingleOrDefaultAsync<PackageSet>(
                """
                insert into package_sets (digest, package_ids, package_count, created_at) values (@Digest, @ids, @Count, @now)
                on conflict (digest) do nothing
                returning package_set_id, package_count
                """, new { log.Digest, ids, Count = ids.Length, now })
            ?? await tx.QuerySingleAsync<PackageSet>(find, new { log.Digest });
    }

    private static Task<int> ReachAsync(Tx tx, Log log, long packageSetId, DateTimeOffset now) => tx.ExecuteAsync(
        """
        insert into organization_package_sets (org_id, package_set_id, first_logged_at) values (@OrgId, @packageSetId, @now)
        on conflict do nothing
        """, new { log.OrgId, packageSetId, now });

    private static async Task KeepOwnerAsync(Tx tx, Caller caller) =>
        await tx.ExecuteAsync(
            """
            insert into owners (org_id, subject_id, email, display_name) values (@OrgId, @SubjectId, @Email, @DisplayName)
            on conflict (org_id, subject_id) do update set email = excluded.email, display_name = excluded.display_name
            where (owners.email, owners.display_name) is distinct from (excluded.email, excluded.display_name)
            """, new { caller.OrgId, caller.SubjectId, caller.Email, caller.DisplayName });

    /// <summary>The environment at the log's place, else the one at the place from which it was renamed.</summary>
    private static async Task<Before?> LockAsync(Tx tx, Log log)
    {
        var previous = log.PreviousPrefix ?? log.Prefix;
        var rows = await tx.QueryAsync<Before>(
            """
            select environment_id, e.owner_id, prefix, place, name, platform, package_set_id, digest, e.package_count, version,
                jsonb_array_length(incomplete) as incomplete_count,
                coalesce(incomplete, '[]') is distinct from coalesce(@Incomplete::jsonb, '[]') as is_otherwise_incomplete
            from environments e join package_sets using (package_set_id)
            where org_id = @OrgId and machine_id = @MachineId and (prefix = any(@Prefixes) or place = any(@Places)) and removed_at is null
            order by environment_id for update of e
            """, new
            {
                log.OrgId,
                log.MachineId,
                Prefixes = new[] { log.Prefix, previous },
                Places = new[] { log.Place, PrefixIdentity.Of(previous, log.Platform) },
                Incomplete = log.IncompleteJson,
            });
        return rows.Find(row => row.Place == log.Place) ?? rows.Find(row => row.Prefix == log.Prefix) ?? rows.FirstOrDefault();
    }

    /// <returns>False when another request inserted it concurrently.</returns>
    private static async Task<bool> InsertAsync(Tx tx, Caller caller, Log log, PackageSet set, int[]? requested, DateTimeOffset now)
    {
        var id = EnvironmentId.New(now);
        var inserted = await tx.ExecuteAsync(
            """
            insert into environments (
                org_id, environment_id, machine_id, owner_id, prefix, name, platform, package_set_id, package_count,
                    requested_ids, created_at,
                updated_at, seen_at, version, incomplete, place)
            values (
                @OrgId, @id, @MachineId, @SubjectId, @Prefix, @Name, @Platform, @PackageSetId, @PackageCount, @requested::int[], @now,
                @now, @now, 1, @Incomplete::jsonb, @Place)
            on conflict do nothing
            """,
            new
            {
                log.OrgId,
                id,
                log.MachineId,
                caller.SubjectId,
                log.Prefix,
                log.Name,
                log.Platform,
                set.PackageSetId,
                set.PackageCount,
                requested,
                now,
                Incomplete = log.IncompleteJson,
                log.Place,
            });
        if (inserted == 0)
        {
            return false;
        }

        await AddHistoryAsync(tx, caller, log, new(id, 1, set.PackageSetId, null, null), now);
        tx.Publish(Event(log, set, id, caller.SubjectId, created: true, 1, now));
        tx.Audit(
            caller, now, "environment_logged", Target(id),
            $"Logged the environment {log.Name} ({log.Prefix}) with {set.PackageCount} packages." + log.IncompleteText(),
            new
            {
                log.MachineId,
                log.Prefix,
                log.Name,
                log.Platform,
                log.Command,
                After = new { log.Digest, Packages = set.PackageCount, Incomplete = log.IncompleteForAudit() }
            });
        return true;
    }

    private static async Task<Outcome> UpdateAsync(
        Tx tx, Caller caller, Log log, PackageSet set, int[]? requested, Before before, DateTimeOffset now)
    {
        // Another spelling of the folder is no rename, and the first one stays.
        var moved = before.Prefix != log.Prefix && before.Place != log.Place;
        var prefix = moved ? log.Prefix : before.Prefix;
        var renamed = moved || !log.IsNamed(before.Prefix, before.Name);
        var name = renamed ? log.Name : before.Name;
        var changed = before.PackageSetId != set.PackageSetId || before.Platform != log.Platform
            || before.IsOtherwiseIncomplete;
        if (!renamed && !changed)
        {
            // Whether the reading was complete is known now and was not before, or the other way round: no change of the environment.
            await tx.ExecuteAsync(
                "update environments set incomplete = @Incomplete::jsonb where org_id = @OrgId and environment_id = @EnvironmentId",
                new { log.OrgId, before.EnvironmentId, Incomplete = log.IncompleteJson });
            return new(false, false);
        }

        // The rename and the change are separate events, each with its own version.
        var version = before.Version + (renamed ? 1 : 0) + (changed ? 1 : 0);
        await tx.ExecuteAsync(
            """
            update environments e set
                prefix = @prefix, place = case when @moved then @Place else place end, name = @name, platform = @Platform,
                package_set_id = @PackageSetId, package_count = @PackageCount,
                requested_ids = case when e.package_set_id = @PackageSetId then coalesce(@requested::int[], e.requested_ids)
                    else @requested::int[] end,
                updated_at = @now, seen_at = @now, version = @version, incomplete = @Incomplete::jsonb
            where e.org_id = @OrgId and e.environment_id = @EnvironmentId
            """,
            new
            {
                log.OrgId,
                before.EnvironmentId,
                prefix,
                moved,
                log.Place,
                name,
                log.Platform,
                set.PackageSetId,
                set.PackageCount,
                requested,
                now,
                version,
                Incomplete = log.IncompleteJson,
            });
        await AddHistoryAsync(
            tx, caller, log,
            new(before.EnvironmentId, version, set.PackageSetId, before.PackageSetId, moved ? before.Prefix : null),
            now);
        if (renamed)
        {
            tx.Publish(
                new EnvironmentRenamed(
                    log.OrgId, before.EnvironmentId, log.MachineId, prefix, name, log.Platform, before.Version + 1, now));
            tx.Audit(
                caller, now, "environment_renamed", Target(before.EnvironmentId),
                $"Renamed the environment {before.Name} ({before.Prefix}) to {name} ({prefix}).",
                new { log.Command, Before = new { before.Prefix, before.Name }, After = new { prefix, name } });
        }

        if (changed)
        {
            var named = log with { Prefix = prefix, Name = name };
            tx.Publish(Event(named, set, before.EnvironmentId, before.OwnerId, created: false, version, now));
            tx.Audit(
                caller, now, "environment_updated", Target(before.EnvironmentId),
                $"Changed the packages of the environment {name} ({prefix})." + log.IncompleteText(), new
                {
                    log.Command,
                    Before = new
                    {
                        before.Digest,
                        Packages = before.PackageCount,
                        before.Platform,
                        Incomplete = before.IncompleteCount is { } count ? new { Count = count } : null,
                    },
                    After = new { log.Digest, Packages = set.PackageCount, log.Platform, Incomplete = log.IncompleteForAudit() },
                });
        }

        return new(false, true);
    }

    private static async Task AddHistoryAsync(Tx tx, Caller caller, Log log, HistoryRow row, DateTimeOffset now) =>
        await tx.ExecuteAsync(
            """
            insert into environment_logs (
                org_id, environment_id, version, logged_at, package_set_id, previous_package_set_id, command, renamed_from, actor_id,
                    actor_email, actor_name, incomplete)
            values (@OrgId, @EnvironmentId, @Version, @now, @PackageSetId, @PreviousPackageSetId, @Command, @RenamedFrom, @SubjectId,
                @Email, @DisplayName, @Incomplete::jsonb)
            """,
            new
            {
                log.OrgId,
                row.EnvironmentId,
                row.Version,
                now,
                row.PackageSetId,
                row.PreviousPackageSetId,
                log.Command,
                row.RenamedFrom,
                caller.SubjectId,
                caller.Email,
                caller.DisplayName,
                Incomplete = log.IncompleteJson,
            });

    private static EnvironmentLogged Event(
        Log log, PackageSet set, EnvironmentId id, SubjectId owner, bool created, long version, DateTimeOffset now) =>
        new(log.OrgId, id, log.MachineId, owner, log.Prefix, log.Name, log.Platform, set.PackageSetId, log.Digest, set.PackageCount,
            created, version, now);

    private static AuditTarget Target(EnvironmentId id) => new(id.ToString(), null, "environment");

    private sealed record PackageSet(long PackageSetId, int PackageCount);

    private sealed record Before(
        EnvironmentId EnvironmentId, SubjectId OwnerId, string Prefix, Guid? Place, string Name, string Platform, long PackageSetId,
        string Digest, int PackageCount, long Version, int? IncompleteCount, bool IsOtherwiseIncomplete);

    private sealed record HistoryRow(
        EnvironmentId EnvironmentId, long Version, long PackageSetId, long? PreviousPackageSetId, string? RenamedFrom);
}
