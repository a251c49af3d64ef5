using EnvPlatform.Postgres;
using EnvPlatform.Scanner.Explanations;
using EnvPlatform.Scanner.Matching;

using Npgsql;

using NpgsqlTypes;

namespace EnvPlatform.Scanner.Advisories.Imports;

/// <summary>Writes an <see cref="AdvisoryPlan"/>: first into temporary tables, and from there in a few statements.</summary>
internal static class WriteAdvisories
{
    public static async Task StageAsync(Tx tx, AdvisoryPlan plan, string source)
    {
        await tx.ExecuteAsync(
            """
            create temporary table staged_advisories (like advisories) on commit drop;
            create temporary table staged_vulnerabilities (
                id text, aliases text[], advisories text[], cvss numeric, cvss_vector text, severity text, summary text, description text,
                published_at timestamptz, modified_at timestamptz, content_sha256 bytea) on commit drop;
            create temporary table staged_names (name text, vulnerability_id text) on commit drop;
            create temporary table staged_relations (name text, vulnerability_id text, relation text) on commit drop;
            """);
        await StageRecordsAsync(tx, plan, source);
        await StageVulnerabilitiesAsync(tx, plan);
        await StageRelationsAsync(tx, plan);
        await using var names = await tx.Connection.BeginBinaryImportAsync(
            "copy staged_names (name, vulnerability_id) from stdin (format binary)");
        foreach (var (vulnerability, _) in plan.Vulnerabilities)
        {
            foreach (var name in vulnerability.Aliases.Append(vulnerability.Id).Select(name => name.ToLowerInvariant())
                .Distinct(StringComparer.Ordinal))
            {
                await names.StartRowAsync();
                await names.WriteAsync(name, NpgsqlDbType.Text);
                await names.WriteAsync(vulnerability.Id, NpgsqlDbType.Text);
            }
        }

        await names.CompleteAsync();
    }

    public static async Task WriteAsync(Tx tx, AdvisoryPlan plan)
    {
        await tx.ExecuteAsync(
            """
            insert into vulnerabilities (
                id, aliases, advisories, cvss, cvss_vector, severity, summary, description, published_at, modified_at, content_sha256)
            select id, aliases, advisories, cvss, cvss_vector, severity, summary, description, published_at, modified_at, content_sha256
            from staged_vulnerabilities
            on conflict (id) do update set
                aliases = excluded.aliases, advisories = excluded.advisories, cvss = excluded.cvss, cvss_vector = excluded.cvss_vector,
                severity = excluded.severity, summary = excluded.summary, description = excluded.description,
                published_at = excluded.published_at, modified_at = excluded.modified_at, content_sha256 = excluded.content_sha256;

            delete from vulnerability_names n using staged_vulnerabilities v where n.vulnerability_id = v.id;
            insert into vulnerability_names (name, vulnerability_id) select name, vulnerability_id from staged_names;

            delete from vulnerability_relations n using staged_vulnerabilities v where n.vulnerability_id = v.id;
            insert into vulnerability_relations (name, vulnerability_id, relation)
            select name, vulnerability_id, relation from staged_relations;

            insert into advisories (id, source, content_sha256, modified_at, withdrawn_at, vulnerability_id, raw)
            select id, source, content_sha256, modified_at, withdrawn_at, vulnerability_id, raw from staged_advisories
            on conflict (id) do update set
                source = excluded.source, content_sha256 = excluded.content_sha256, modified_at = excluded.modified_at,
                withdrawn_at = excluded.withdrawn_at, vulnerability_id = excluded.vulnerability_id, raw = excluded.raw;
            """);
        await tx.ExecuteAsync(
            """
            update advisories a set vulnerability_id = n.vulnerability_id
            from unnest(@Ids, @Vulnerabilities) as n(id, vulnerability_id) where a.id = n.id;

            insert into complete_ecosystems (ecosystem) select unnest(@Complete) on conflict do nothing;
            """, new
            {
                Ids = plan.Reassigned.Select(advisory => advisory.Id).ToArray(),
                Vulnerabilities = plan.Reassigned.Select(advisory => plan.Groups.Of(advisory.Id)!.Id).ToArray(),
                Complete = plan.NewlyComplete,
            });
    }

    /// <summary>What of each vulnerability cannot be compared, and no other advisory of it says more about.</summary>
    public static Task NotComparedAsync(Tx tx, AdvisoryIndex index)
    {
        var open = index.NotEvaluable.Where(one => !one.IsCovered).GroupBy(one => one.Advisory.VulnerabilityId, StringComparer.Ordinal)
            .ToArray();
        return tx.ExecuteAsync(
            """
            with open as (select * from unnest(@Ids, @Entries) as o(id, entries))
            update vulnerabilities v set not_compared = coalesce(open.entries, '[]')::jsonb
            from vulnerabilities before left join open on open.id = before.id
            where v.id = before.id and (before.not_compared <> '[]' or open.id is not null)
                and before.not_compared <> coalesce(open.entries, '[]')::jsonb
            """, new
            {
                Ids = open.Select(group => group.Key).ToArray(),
                Entries = open.Select(group => NotCompared.Write([.. group.Select(NotCompared.Of)])).ToArray(),
            });
    }

    /// <summary>After the findings were renewed: deletes what no advisory refers to.</summary>
    public static Task RemoveAsync(Tx tx, AdvisoryPlan plan) =>
        tx.ExecuteAsync("delete from vulnerabilities where id = any(@Gone)", new { plan.Gone });

    private static async Task StageRelationsAsync(Tx tx, AdvisoryPlan plan)
    {
        await using var rows = await tx.Connection.BeginBinaryImportAsync(
            "copy staged_relations (name, vulnerability_id, relation) from stdin (format binary)");
        foreach (var (vulnerability, _) in plan.Vulnerabilities)
        {
            foreach (var (relation, ids) in new[] { ("upstream", vulnerability.Upstream), ("related", vulnerability.Related) })
            {
                foreach (var name in ids.Select(id => id.ToLowerInvariant()).Distinct(StringComparer.Ordinal))
                {
                    await rows.StartRowAsync();
                    await rows.WriteAsync(name, NpgsqlDbType.Text);
                    await rows.WriteAsync(vulnerability.Id, NpgsqlDbType.Text);
                    await rows.WriteAsync(relation, NpgsqlDbType.Text);
                }
            }
        }

        await rows.CompleteAsync();
    }

    private static async Task StageRecordsAsync(Tx tx, AdvisoryPlan plan, string source)
    {
        await using var rows = await tx.Connection.BeginBinaryImportAsync(
            "copy staged_advisories (id, source, content_sha256, modified_at, withdrawn_at, vulnerability_id, raw) from "
            + "stdin (format binary)");
        foreach (var record in plan.Upserts)
        {
            await rows.StartRowAsync();
            await rows.WriteAsync(record.Advisory.Id, NpgsqlDbType.Text);
            await rows.WriteAsync(source, NpgsqlDbType.Text);
            await rows.WriteAsync(record.Sha256, NpgsqlDbType.Bytea);
            await rows.WriteAsync(record.Advisory.Modified.UtcDateTime, NpgsqlDbType.TimestampTz);
            await rows.WriteTimeAsync(record.Advisory.Withdrawn);
            await rows.WriteTextAsync(plan.Groups.Of(record.Advisory.Id)?.Id);
            await rows.WriteAsync(record.Json, NpgsqlDbType.Bytea);
        }

        await rows.CompleteAsync();
    }

    private static async Task StageVulnerabilitiesAsync(Tx tx, AdvisoryPlan plan)
    {
        await using var rows = await tx.Connection.BeginBinaryImportAsync(
            """
            copy staged_vulnerabilities (
                id, aliases, advisories, cvss, cvss_vector, severity, summary, description, published_at, modified_at, content_sha256)
            from stdin (format binary)
            """);
        foreach (var (vulnerability, sha256) in plan.Vulnerabilities)
        {
            await rows.StartRowAsync();
            await rows.WriteAsync(vulnerability.Id, NpgsqlDbType.Text);
            await rows.WriteAsync(vulnerability.Aliases, NpgsqlDbType.Array | NpgsqlDbType.Text);
            await rows.WriteAsync(vulnerability.Advisories, NpgsqlDbType.Array | NpgsqlDbType.Text);
            if (vulnerability.Cvss is { } cvss)
            {
                await rows.WriteAsync(cvss.Base, NpgsqlDbType.Numeric);
            }
            else
            {
                await rows.WriteNullAsync();
            }

            await rows.WriteTextAsync(vulnerability.Cvss?.Vector);
            await rows.WriteAsync(Texts.Of(vulnerability.Severity), NpgsqlDbType.Text);
            await rows.WriteTextAsync(vulnerability.Summary);
            await rows.WriteTextAsync(vulnerability.Description);
            await rows.WriteTimeAsync(vulnerability.Published);
            await rows.WriteAsync(vulnerability.Modified.UtcDateTime, NpgsqlDbType.TimestampTz);
            await rows.WriteAsync(sha256, NpgsqlDbType.Bytea);
        }

        await rows.CompleteAsync();
    }

    private static Task WriteTextAsync(this NpgsqlBinaryImporter rows, string? text) =>
        text is null ? rows.WriteNullAsync() : rows.WriteAsync(text, NpgsqlDbType.Text);

    private static Task WriteTimeAsync(this NpgsqlBinaryImporter rows, DateTimeOffset? time) =>
        time is { } known ? rows.WriteAsync(known.UtcDateTime, NpgsqlDbType.TimestampTz) : rows.WriteNullAsync();
}
