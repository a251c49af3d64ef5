using System.Text.Json;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Identity;

using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Options;

using Npgsql;

namespace EnvPlatform.Scanner.Advisories.Imports;

/// <summary>
/// An operator sends a file of advisories, or of what is known beside them. The file goes to the database as it arrives; once it is there whole, the
/// import is accepted, and survives the death of the process that runs it.
/// </summary>
public static class ImportAdvisories
{
    public const string Osv = "osv";
    public const string Nvd = "nvd";
    public const string Kev = "kev";
    public const string Epss = "epss";
    private const int PartBytes = 1 << 20;

    /// <summary>The formats that can be imported.</summary>
    internal static IReadOnlyList<string> Formats { get; } = [Osv, Nvd, Kev, Epss];

    public sealed record Accepted(ImportId Id, string Status);

    public static void MapImportAdvisories(this IEndpointRouteBuilder imports) =>
        imports.MapPost("", HandleAsync).WithName(nameof(ImportAdvisories)).WithSummary("Import advisories: format=osv, nvd, kev or epss, the file as body.")
            .Accepts<byte[]>("application/octet-stream", "application/zip", "application/json", "application/gzip", "text/csv")
            .WithMetadata(new RequestSizeLimitAttribute(imports.ServiceProvider.GetRequiredService<IOptions<ScannerOptions>>().Value.MaxImportBytes));

    private static async Task<Results<Accepted<Accepted>, ProblemHttpResult>> HandleAsync(
        string? format, HttpContext http, Caller caller, NpgsqlDataSource db, IOptions<ScannerOptions> options, TimeProvider clock, CancellationToken ct)
    {
        if (format is null || !Formats.Contains(format))
        {
            return Problems.Invalid("format", $"Must be one of {string.Join(", ", Formats)}.");
        }

        var id = ImportId.New(clock.GetUtcNow());
        await using var tx = await db.BeginAsync(ct);
        if (await AcceptAsync(tx, id, format, caller, http.Request.Body, options.Value.MaxImportBytes, clock.GetUtcNow(), ct) is { } problem)
        {
            return problem;
        }

        await tx.CommitAsync();
        return TypedResults.Accepted($"/api/v1/advisories/imports/{id}", new Accepted(id, "running"));
    }

    /// <summary>Stores a file and asks for its import, which begins when the transaction commits.</summary>
    /// <returns>Why not; null when it was accepted.</returns>
    internal static async Task<ProblemHttpResult?> AcceptAsync(
        Tx tx, ImportId id, string format, Caller caller, Stream file, long limit, DateTimeOffset now, CancellationToken ct)
    {
        await tx.ExecuteAsync(
            """
            insert into imports (id, format, status, phase, bytes, requested_by, created_at)
            values (@id, @format, 'running', 'queued', 0, @RequestedBy::jsonb, @now)
            """, new { id, format, RequestedBy = JsonSerializer.Serialize(caller, Json.Options), now });
        var (bytes, problem) = await StoreAsync(tx, id, format, file, limit, ct);
        if (problem is null)
        {
            await tx.ExecuteAsync("update imports set bytes = @bytes where id = @id; notify " + RunImports.Channel, new { bytes, id });
        }

        return problem;
    }

    private static async Task<(long Bytes, ProblemHttpResult? Problem)> StoreAsync(
        Tx tx, ImportId id, string format, Stream body, long limit, CancellationToken ct)
    {
        var buffer = new byte[PartBytes];
        var bytes = 0L;
        for (var part = 0; ; part++)
        {
            var read = await body.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, ct);
            bytes += read;
            if (part == 0 && Refuse(format, buffer.AsSpan(0, read)) is { } reason)
            {
                return (bytes, Problems.Invalid("body", reason));
            }

            if (bytes > limit)
            {
                return (bytes, Problems.Of(StatusCodes.Status413PayloadTooLarge, "too_large", "Too large.", $"The file may have {limit} bytes at most."));
            }

            if (read > 0)
            {
                await tx.ExecuteAsync(
                    "insert into import_files (import_id, part, data) values (@id, @part, @Data)", new { id, part, Data = buffer[..read] });
            }

            if (read < buffer.Length)
            {
                return (bytes, null);
            }
        }
    }

    /// <summary>Why the beginning of a file shows that it cannot be imported; null when it can.</summary>
    private static string? Refuse(string format, ReadOnlySpan<byte> head)
    {
        if (head.StartsWith("\uFEFF"u8))
        {
            head = head[3..];
        }

        head = head.TrimStart(" \t\r\n"u8);
        if (head.IsEmpty)
        {
            return "Is empty.";
        }

        var isPacked = head.StartsWith((ReadOnlySpan<byte>)[0x1f, 0x8b]);
        return format switch
        {
            _ when isPacked => null,
            Osv => head.StartsWith("PK"u8) || head[0] is (byte)'{' or (byte)'[' ? null : "Must be a zip of OSV records, or JSON; either may be gzip.",
            Nvd => head.StartsWith("PK"u8) || head[0] is (byte)'{' or (byte)'[' ? null : "Must be JSON of NVD's CVE API 2.0, or a zip of it; either may be gzip.",
            Kev => head[0] is (byte)'{' ? null : "Must be CISA's catalogue in JSON, may be gzip.",
            _ => head[0] is (byte)'#' or (byte)'c' or (byte)'C' ? null : "Must be the CSV of EPSS with the columns cve, epss; may be gzip.",
        };
    }
}
