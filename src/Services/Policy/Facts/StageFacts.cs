using EnvPlatform.Contracts.Scanner;
using EnvPlatform.Postgres;

using Npgsql;

using NpgsqlTypes;

namespace EnvPlatform.Policy.Facts;

/// <summary>Puts what was told into temporary tables, for <see cref="WriteFacts"/> to compare it with what is known.</summary>
internal static class StageFacts
{
    private const int Many = 1_000;

    public static async Task RunAsync(
        Tx tx, IReadOnlyCollection<WaitingSet> asked, IReadOnlyCollection<WaitingSet> missing, ToldFacts told,
        IReadOnlyCollection<ToldLicense> licenses)
    {
        await tx.ExecuteAsync(
            """
            create temporary table asked (org_id uuid, package_set_id bigint, request bigint, is_new boolean, missing boolean)
                on commit drop;
            create temporary table told_sets (package_set_id bigint, package_ids int[]) on commit drop;
            create temporary table told_packages (
                package_id int, manager text, channel text, subdir text, name text, version text, build text, coverage text, found_id int)
                on commit drop;
            create temporary table told_findings (found_id int, vulnerability_id text collate "C", fixed_in text[]) on commit drop;
            create temporary table told_vulnerabilities (
                vulnerability_id text collate "C", aliases text[], cvss numeric(3, 1), severity text, epss numeric(6, 5), kev boolean,
                published_at timestamptz) on commit drop;
            create temporary table told_statuses (
                org_id uuid, package_set_id bigint, package_id int, vulnerability_id text collate "C", status text) on commit drop;
            create temporary table told_licenses (org_id uuid, package_id int, declared text, license text) on commit drop;
            """);
        await StageAskedAsync(tx, asked, missing);
        await StagePackagesAsync(tx, told);
        await StageFindingsAsync(tx, told);
        await StageOfOrganizationsAsync(tx, told, licenses);
        if (told.Packages.Count > Many)
        {
            await tx.ExecuteAsync(
                "analyze asked, told_sets, told_packages, told_findings, told_vulnerabilities, told_statuses, told_licenses");
        }
    }

    private static Task<int> StageAskedAsync(Tx tx, IReadOnlyCollection<WaitingSet> asked, IReadOnlyCollection<WaitingSet> missing)
    {
        var without = missing.Select(set => set.PackageSetId).ToHashSet();
        return tx.ExecuteAsync(
            """
            insert into asked select *, set = any(@Missing)
            from unnest(@Orgs, @Sets, @Requests, @New) as a(org_id, set, request, is_new)
            """, new
            {
                Orgs = asked.Select(set => set.OrgId.Value).ToArray(),
                Sets = asked.Select(set => set.PackageSetId).ToArray(),
                Requests = asked.Select(set => set.Request).ToArray(),
                New = asked.Select(set => set.IsNew).ToArray(),
                Missing = without.ToArray(),
            });
    }

    private static async Task StagePackagesAsync(Tx tx, ToldFacts told)
    {
        await using (var sets = await tx.Connection.BeginBinaryImportAsync(
            "copy told_sets (package_set_id, package_ids) from stdin (format binary)"))
        {
            foreach (var set in told.Sets)
            {
                await sets.StartRowAsync();
                await sets.WriteAsync(set.PackageSetId, NpgsqlDbType.Bigint);
                await sets.WriteAsync(set.PackageIds.ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Integer);
            }

            await sets.CompleteAsync();
        }

        await using var packages = await tx.Connection.BeginBinaryImportAsync(
            "copy told_packages (package_id, manager, channel, subdir, name, version, build, coverage, found_id) from stdin "
            + "(format binary)");
        foreach (var package in told.Packages)
        {
            await packages.StartRowAsync();
            await packages.WriteAsync(package.PackageId, NpgsqlDbType.Integer);
            foreach (var text in new[]
            {
                package.Manager, package.Channel, package.Subdir, package.Name, package.Version, package.Build, package.Coverage,
            })
            {
                await packages.WriteAsync(text, NpgsqlDbType.Text);
            }

            await WriteAsync(packages, package.HasFoundId ? (int?)package.FoundId : null, NpgsqlDbType.Integer);
        }

        await packages.CompleteAsync();
    }

    private static async Task StageFindingsAsync(Tx tx, ToldFacts told)
    {
        await using (var findings = await tx.Connection.BeginBinaryImportAsync(
            "copy told_findings (found_id, vulnerability_id, fixed_in) from stdin (format binary)"))
        {
            foreach (var finding in told.Findings)
            {
                await findings.StartRowAsync();
                await findings.WriteAsync(finding.FoundId, NpgsqlDbType.Integer);
                await findings.WriteAsync(finding.VulnerabilityId, NpgsqlDbType.Text);
                await findings.WriteAsync(finding.FixedIn.ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Text);
            }

            await findings.CompleteAsync();
        }

        await using var vulnerabilities = await tx.Connection.BeginBinaryImportAsync(
            "copy told_vulnerabilities (vulnerability_id, aliases, cvss, severity, epss, kev, published_at) from stdin (format binary)");
        foreach (var one in told.Vulnerabilities)
        {
            await StageAsync(vulnerabilities, one);
        }

        await vulnerabilities.CompleteAsync();
    }

    private static async Task StageAsync(NpgsqlBinaryImporter rows, VulnerabilityFact one)
    {
        await rows.StartRowAsync();
        await rows.WriteAsync(one.VulnerabilityId, NpgsqlDbType.Text);
        await rows.WriteAsync(one.Aliases.ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Text);
        await WriteAsync(rows, one.HasCvss ? (decimal?)one.Cvss : null, NpgsqlDbType.Numeric);
        if (one.Severity is "unknown" or "")
        {
            await rows.WriteNullAsync();
        }
        else
        {
            await rows.WriteAsync(one.Severity, NpgsqlDbType.Text);
        }

        await WriteAsync(rows, one.HasEpss ? (decimal?)one.Epss : null, NpgsqlDbType.Numeric);
        await WriteAsync(rows, one.HasKev ? (bool?)one.Kev : null, NpgsqlDbType.Boolean);
        await WriteAsync(rows, one.PublishedAt?.ToDateTime(), NpgsqlDbType.TimestampTz);
    }

    private static async Task StageOfOrganizationsAsync(Tx tx, ToldFacts told, IReadOnlyCollection<ToldLicense> licenses)
    {
        await using (var statuses = await tx.Connection.BeginBinaryImportAsync(
            "copy told_statuses (org_id, package_set_id, package_id, vulnerability_id, status) from stdin (format binary)"))
        {
            foreach (var one in told.Statuses)
            {
                await statuses.StartRowAsync();
                await statuses.WriteAsync(one.Organization.Value, NpgsqlDbType.Uuid);
                await statuses.WriteAsync(one.PackageSetId, NpgsqlDbType.Bigint);
                await statuses.WriteAsync(one.PackageId, NpgsqlDbType.Integer);
                await statuses.WriteAsync(one.VulnerabilityId, NpgsqlDbType.Text);
                await statuses.WriteAsync(one.Status, NpgsqlDbType.Text);
            }

            await statuses.CompleteAsync();
        }

        await tx.ExecuteAsync(
            "insert into told_licenses select * from unnest(@Orgs, @Packages, @Declared::text[], @Expressions::text[])", new
            {
                Orgs = licenses.Select(one => one.Organization.Value).ToArray(),
                Packages = licenses.Select(one => one.PackageId).ToArray(),
                Declared = licenses.Select(one => one.Declared).ToArray(),
                Expressions = licenses.Select(one => one.Expression).ToArray(),
            });
    }

    private static Task WriteAsync<T>(NpgsqlBinaryImporter rows, T? value, NpgsqlDbType type)
        where T : struct => value is { } known ? rows.WriteAsync(known, type) : rows.WriteNullAsync();
}
