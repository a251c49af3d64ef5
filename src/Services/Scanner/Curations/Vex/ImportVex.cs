using System.Text.Json;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Postgres;
using EnvPlatform.Scanner.Advisories;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.ServiceDefaults.Refusals;

using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

using Npgsql;

namespace EnvPlatform.Scanner.Curations.Vex;

/// <summary>
/// An administrator imports the verdicts of a VEX document. Each is given as if by hand, all in one transaction; what cannot be applied
/// is reported and left out. Statements that equal a verdict in force, whenever that expires, change nothing.
/// </summary>
internal static class ImportVex
{
    private const int MaxBytes = 16 << 20;
    private const int MaxStatements = 10_000;

    /// <summary>Statements that were left out which the audit event names.</summary>
    private const int MaxAudited = 20;

    /// <param name="Statements">How many there are, one for each vulnerability and product.</param>
    /// <param name="Unchanged">Of these, how many equal a verdict in force.</param>
    public sealed record Result(int Statements, int Applied, int Unchanged, IReadOnlyList<Skipped> Skipped);

    /// <summary>A statement that was left out, and why.</summary>
    public sealed record Skipped(string? Vulnerability, string Product, string Reason);

    public static void MapImportVex(this IEndpointRouteBuilder vulnerabilities) =>
        vulnerabilities.MapPost("/vex", HandleAsync).RequireAuthorization(Permission.VulnerabilitiesCurate).WithName(nameof(ImportVex))
            .WithSummary("Curate what a VEX document states: OpenVEX or CycloneDX.").WithMetadata(
                new RequestSizeLimitAttribute(MaxBytes), new AuditedRefusals("vex_import_refused"));

    private static async Task<Results<Ok<Result>, ProblemHttpResult>> HandleAsync(
        JsonElement document, Caller caller, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        var organization = ExportVex.Identifier(caller);
        var read = OpenVex.Is(document) ? OpenVex.Read(document, organization, clock.GetUtcNow())
            : CycloneDxVex.Is(document) ? CycloneDxVex.Read(document, organization, clock.GetUtcNow()) : null;
        if (read is null)
        {
            return Problems.Invalid("body", "Must be a VEX document in OpenVEX or CycloneDX JSON.");
        }

        // A later statement replaces an earlier one, whatever their order in the document.
        var statements = read.Take(MaxStatements + 1).OrderBy(statement => statement.StatedAt).ToArray();
        if (statements.Length > MaxStatements)
        {
            return Problems.Invalid("body", $"May have {MaxStatements} statements at most.");
        }

        var readable = statements.Where(statement => statement.Problem is null).ToArray();
        var named = await NamedVulnerabilities.ReadAsync(db, readable, ct);
        await using var tx = await db.BeginAsync(ct);
        if (!readable.Any(statement => named.Find(statement.Names) is not null))
        {
            return await EndAsync(tx, caller, new Result(statements.Length, 0, 0, SkippedOf(statements, named)), clock.GetUtcNow());
        }

        var generation = await FindingsLock.ShareAsync(tx);
        await CurationsLock.TakeAsync(tx, caller.OrgId);
        if (generation != named.Generation)
        {
            named = await NamedVulnerabilities.ReadAgainAsync(tx, readable, generation);
        }

        var (given, applied) = await ApplyAsync(tx, caller, readable, named, clock.GetUtcNow());
        return await EndAsync(
            tx, caller, new Result(statements.Length, applied, given - applied, SkippedOf(statements, named)), clock.GetUtcNow());
    }

    private static async Task<Ok<Result>> EndAsync(Tx tx, Caller caller, Result result, DateTimeOffset now)
    {
        tx.Audit(
            caller, now, "vex_imported", new AuditTarget(caller.OrgId.ToString(), null, "organization"),
            $"{caller.DisplayName} imported a VEX document: of {result.Statements} statements {result.Applied} were applied, "
            + $"{result.Unchanged} changed nothing and {result.Skipped.Count} were left out.",
            new
            {
                result.Statements,
                result.Applied,
                result.Unchanged,
                LeftOut = result.Skipped.Count,
                FirstLeftOut = result.Skipped.Take(MaxAudited)
            });
        await tx.CommitAsync();
        return TypedResults.Ok(result);
    }

    /// <summary>A few statements to the database, however many verdicts there are: others wait for the lock.</summary>
    /// <returns>How many statements are about a vulnerability that is known, and how many of them changed something.</returns>
    private static async Task<(int Given, int Applied)> ApplyAsync(
        Tx tx, Caller caller, VexStatement[] statements, NamedVulnerabilities named, DateTimeOffset now)
    {
        var known = statements.Select(statement => (Vulnerability: named.Find(statement.Names), Statement: statement))
            .Where(one => one.Vulnerability is not null).ToArray();
        var ids = known.Select(one => one.Vulnerability!.Id).Distinct(StringComparer.Ordinal).ToArray();
        var before = await ChangeCurations.InForceAsync(tx, caller.OrgId, ids);

        // The last one of each scope: the conda package and the PyPI project of one name are one scope.
        var changes = known.Reverse().DistinctBy(one => (one.Vulnerability!.Id, one.Statement.Scope)).Reverse()
            .Select(one => (
                Vulnerability: one.Vulnerability!, Scope: one.Statement.Scope!,
                Verdict: new Verdict(one.Statement.Status!, one.Statement.Reason, null),
                Before: before.GetValueOrDefault((one.Vulnerability!.Id, one.Statement.Scope!), Verdict.None)))
            .Where(one => one.Before with { ExpiresAt = null } != one.Verdict).ToArray();
        if (changes.Length > 0)
        {
            await ChangeCurations.StoreAsync(tx, caller, [.. changes.Select(one => (one.Vulnerability, one.Scope, one.Verdict))], now);
            foreach (var one in changes)
            {
                ChangeCurations.AuditGiven(tx, caller, one.Vulnerability.Id, one.Scope, one.Before, one.Verdict, null, now);
            }

            await ChangeCurations.TellAsync(
                tx, caller.OrgId, [.. changes.Select(one => one.Vulnerability.Id).Distinct(StringComparer.Ordinal)], now);
        }

        return (known.Length, changes.Length);
    }

    private static Skipped[] SkippedOf(VexStatement[] statements, NamedVulnerabilities named) =>
    [
        .. statements.Select(statement => (
                Statement: statement,
                Problem: statement.Problem ?? (named.Find(statement.Names) is null ? "No advisory speaks of it." : null)))
            .Where(one => one.Problem is not null)
            .Select(one => new Skipped(
                // One text of a document may stand in thousands of statements.
                one.Statement.Names.FirstOrDefault() is { } name ? VexStatement.Shortened(name, CurateVulnerability.MaxText) : null,
                VexStatement.Shortened(one.Statement.Product, CurateVulnerability.MaxText), one.Problem!)),
    ];
}
