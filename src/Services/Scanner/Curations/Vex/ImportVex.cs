using System.Text.Json;

using EnvPlatform.Postgres;
using EnvPlatform.Scanner.Advisories;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

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

    /// <param name="Statements">How many there are, one for each vulnerability and product.</param>
    /// <param name="Unchanged">Of these, how many equal a verdict in force.</param>
    public sealed record Result(int Statements, int Applied, int Unchanged, IReadOnlyList<Skipped> Skipped);

    /// <summary>A statement that was left out, and why.</summary>
    public sealed record Skipped(string? Vulnerability, string Product, string Reason);

    public static void MapImportVex(this IEndpointRouteBuilder vulnerabilities) =>
        vulnerabilities.MapPost("/vex", HandleAsync).RequireAuthorization(Access.Administrator).WithName(nameof(ImportVex))
            .WithSummary("Curate what a VEX document states: OpenVEX or CycloneDX.").WithMetadata(new RequestSizeLimitAttribute(MaxBytes));

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

        await using var tx = await db.BeginAsync(ct);
        await FindingsLock.ShareAsync(tx);
        await CurationsLock.TakeAsync(tx, caller.OrgId);
        var result = await ApplyAsync(tx, caller, statements, clock);
        await tx.CommitAsync();
        return TypedResults.Ok(result);
    }

    private static async Task<Result> ApplyAsync(Tx tx, Caller caller, VexStatement[] statements, TimeProvider clock)
    {
        var skipped = new List<Skipped>();
        var known = new List<(Curated Vulnerability, VexStatement Statement)>();
        foreach (var statement in statements)
        {
            var problem = statement.Problem;
            if (problem is null)
            {
                if (await FindAsync(tx, statement.Names) is { } vulnerability)
                {
                    known.Add((vulnerability, statement));
                    continue;
                }

                problem = "No advisory speaks of it.";
            }

            skipped.Add(new(statement.Names.FirstOrDefault(), statement.Product, problem));
        }

        var applied = 0;
        var changed = new HashSet<string>(StringComparer.Ordinal);
        // The last one of each scope: the conda package and the PyPI project of one name are one scope.
        foreach (var (vulnerability, statement) in known.Reverse<(Curated Vulnerability, VexStatement Statement)>()
            .DistinctBy(one => (one.Vulnerability.Id, one.Statement.Scope)).Reverse())
        {
            var before = await ChangeCurations.InForceAsync(tx, caller.OrgId, vulnerability.Id, statement.Scope!);
            var verdict = new Verdict(statement.Status!, statement.Reason, null);
            if (before with { ExpiresAt = null } == verdict)
            {
                continue;
            }

            var now = clock.GetUtcNow();
            await ChangeCurations.StoreAsync(tx, caller, vulnerability, statement.Scope!, verdict, now);
            ChangeCurations.AuditGiven(tx, caller, vulnerability.Id, statement.Scope!, before, verdict, null, now);
            changed.Add(vulnerability.Id);
            applied++;
        }

        await ChangeCurations.TellAsync(tx, caller.OrgId, [.. changed], clock.GetUtcNow());
        return new(statements.Length, applied, known.Count - applied, skipped);
    }

    private static async Task<Curated?> FindAsync(Tx tx, string[] names)
    {
        foreach (var name in names)
        {
            if (await ChangeCurations.FindAsync(tx, name) is { } vulnerability)
            {
                return vulnerability;
            }
        }

        return null;
    }
}
