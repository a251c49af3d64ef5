using System.Text;
using System.Text.Json;

using Dapper;

using EnvPlatform.Audit.AuditLogs;
using EnvPlatform.Audit.Proofs;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.Transparency;

using Npgsql;

namespace EnvPlatform.Audit.Exports;

/// <summary>
/// The proof of an export: lines of JSON that cover the whole tree of its checkpoint from left to right, the leaves of events that it holds
/// and the roots of full subtrees over those that it does not. Together they give the signed root.
/// </summary>
internal static class GetExportProof
{
    private const string ContentType = "application/jsonl";
    private const int RowsAtOnce = 5_000;
    private const int LeavesOfLine = 256;

    public static void MapGetExportProof(this IEndpointRouteBuilder logs) =>
        logs.MapGet("/export/{job}/proof", HandleAsync).RequireAuthorization(AuditReaders.Policy).WithName(nameof(GetExportProof))
            .WithSummary("The proof that the events of an export are in the signed log.").WithMetadata(AuditReaders.OrganizationParameter)
            .Produces<byte[]>(StatusCodes.Status200OK, ContentType)
            .Produces<InvalidRequest>(StatusCodes.Status422UnprocessableEntity)
            .ProducesProblem(StatusCodes.Status404NotFound)
            .ProducesProblem(StatusCodes.Status409Conflict);

    private static async Task<IResult> HandleAsync(
        string job, HttpContext http, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        var (export, refusal) = await CompletedExport.FindAsync(job, http, db, clock, ct);
        if (export is null)
        {
            return refusal!;
        }

        http.Response.ContentType = ContentType;
        http.Response.Headers.ContentDisposition = $"attachment; filename=\"{export.FileName}.proof.jsonl\"";
        await WriteAsync(export, db, http.Response.Body, ct);
        return Results.Empty;
    }

    private static async Task WriteAsync(Export export, NpgsqlDataSource db, Stream to, CancellationToken ct)
    {
        var size = Checkpoint.Parse(SignedNote.Parse(export.Checkpoint!)!.Text)!.Size;
        var tree = new StoredTree(db, export.OrgId);
        // The last event that is covered.
        long covered = 0;
        var run = new List<byte[]>();
        for (long read = 0; ;)
        {
            var query = export.Query;
            var parameters = new DynamicParameters(
                new { OrgId = query.Log, query.From, query.Until, export.UntilSeq, Read = read, RowsAtOnce });
            var where = ListAuditLogs.Where(query, parameters);
            var rows = await db.QueryAsync<Row>(
                $"""
                select seq, leaf_hash from audit_events where {where} and seq > @Read and seq <= @UntilSeq order by seq limit @RowsAtOnce
                """, parameters, ct);
            foreach (var row in rows)
            {
                if (row.Seq != covered + run.Count + 1 || run.Count == LeavesOfLine)
                {
                    covered = await WriteLeavesAsync(to, covered, run, ct);
                }

                covered = await WriteGapAsync(to, tree, covered, row.Seq - run.Count - 1, ct);
                run.Add(row.LeafHash);
            }

            if (rows.Count < RowsAtOnce)
            {
                break;
            }

            read = rows[^1].Seq;
        }

        covered = await WriteLeavesAsync(to, covered, run, ct);
        await WriteGapAsync(to, tree, covered, size, ct);
    }

    private static async Task<long> WriteLeavesAsync(Stream to, long covered, List<byte[]> run, CancellationToken ct)
    {
        if (run.Count == 0)
        {
            return covered;
        }

        var last = covered + run.Count;
        await WriteLineAsync(
            to, new { From = covered + 1, To = last, Leaves = run.Select(hash => Convert.ToBase64String(hash)).ToArray() }, ct);
        run.Clear();
        return last;
    }

    /// <summary>Covers what is not in the export, up to and with a number.</summary>
    private static async Task<long> WriteGapAsync(Stream to, StoredTree tree, long covered, long last, CancellationToken ct)
    {
        if (covered >= last)
        {
            return covered;
        }

        var roots = new List<string>();
        foreach (var subtree in Subtree.Covering(covered, last))
        {
            roots.Add(Convert.ToBase64String(await tree.RootAsync(subtree, ct)));
        }

        await WriteLineAsync(to, new { From = covered + 1, To = last, Subtrees = roots }, ct);
        return last;
    }

    private static async Task WriteLineAsync<T>(Stream to, T line, CancellationToken ct) =>
        await to.WriteAsync(Encoding.UTF8.GetBytes(JsonSerializer.Serialize(line, Json.Options) + "\n"), ct);

    private sealed record Row(long Seq, byte[] LeafHash);
}
