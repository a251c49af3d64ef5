using System.Diagnostics;
using System.Text.Json;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.Scanner.Mapping;
using EnvPlatform.Scanner.Repodata;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.ServiceDefaults.Refusals;

using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Options;

using Npgsql;

namespace EnvPlatform.Scanner.Advisories.Imports;

/// <summary>
/// An operator sends a file of advisories or related data. The file is written to the database as it arrives; once it is complete, the
/// import is accepted, and survives the death of the process that runs it.
/// </summary>
internal static class ImportAdvisories
{
    public const string Osv = "osv";
    public const string Nvd = "nvd";
    public const string Kev = "kev";
    public const string Epss = "epss";
    public const string Parselmouth = PublishedMapping.Parselmouth;
    public const string Grayskull = PublishedMapping.Grayskull;

    /// <summary>What a channel holds for a platform, which is what upgrades are chosen from.</summary>
    public const string Repodata = "repodata";

    private const int PartBytes = 1 << 20;
    private const int MaxChannel = 255;

    /// <summary>The formats that can be imported.</summary>
    internal static IReadOnlyList<string> Formats { get; } = [Osv, Nvd, Kev, Epss, Parselmouth, Grayskull, Repodata];

    public sealed record Accepted(ImportId Id, string Status);

    public static void MapImportAdvisories(this IEndpointRouteBuilder imports) =>
        imports.MapPost("", HandleAsync).WithName(nameof(ImportAdvisories))
            .WithSummary("Import advisories: format=osv, nvd, kev, epss, parselmouth, grayskull or repodata, the file as body.")
            .WithDescription(
                "parselmouth is the mapping of a channel's packages to projects of PyPI and needs channel (conda-forge, bioconda, ... or "
                + "an address); grayskull is the table of names that "
                + "conda-forge gives to such projects. repodata is what a channel holds for a platform (repodata.json, may be gzip or "
                + "Zstandard), from which upgrades are chosen: it needs channel, and subdir where the file does not name its platform. "
                + "complete=true says that the file holds all records: with format=osv of the "
                + "ecosystem that at least half of them name, with format=nvd of the years that it has records of. A file that holds more "
                + "than a tenth less than the last such file is not imported, unless shrunk=true says that it is right.")
            .Accepts<byte[]>(
                "application/octet-stream", "application/zip", "application/json", "application/gzip", "application/zstd", "text/csv",
                "application/yaml")
            .WithMetadata(
                new AuditedRefusals("advisories_import_refused"),
                new RequestSizeLimitAttribute(imports.ServiceProvider.GetRequiredService<IOptions<ScannerOptions>>().Value.MaxImportBytes));

    private static async Task<Results<Accepted<Accepted>, ProblemHttpResult>> HandleAsync(
        string? format, string? channel, string? subdir, bool? complete, bool? shrunk, HttpContext http, Caller caller, NpgsqlDataSource db,
        IOptions<ScannerOptions> options, TimeProvider clock, CancellationToken ct)
    {
        if (Refuse(format, channel, subdir, complete == true) is { } refused)
        {
            return refused;
        }

        var kind = ImportKind.Of(format!, channel, complete == true) with { Shrunk = shrunk == true, Subdir = subdir };
        var id = ImportId.New(clock.GetUtcNow());
        await using var tx = await db.BeginAsync(ct);
        if (await AcceptAsync(tx, id, kind, caller, http.Request.Body, options.Value.MaxImportBytes, clock.GetUtcNow(), ct) is { } problem)
        {
            return problem;
        }

        await tx.CommitAsync();
        return TypedResults.Accepted($"/api/v1/advisories/imports/{id}", new Accepted(id, "running"));
    }

    /// <summary>Stores a file and requests its import, which begins when the transaction commits.</summary>
    /// <returns>Why not; null when it was accepted.</returns>
    internal static async Task<ProblemHttpResult?> AcceptAsync(
        Tx tx, ImportId id, ImportKind kind, Caller caller, Stream file, long limit, DateTimeOffset now, CancellationToken ct)
    {
        await tx.ExecuteAsync(
            """
            insert into imports (id, format, channel, subdir, complete, shrunk, status, phase, bytes, requested_by, trace_parent,
                created_at)
            values (@id, @Format, @Channel, @Subdir, @Complete, @Shrunk, 'running', 'queued', 0, @RequestedBy::jsonb, @TraceParent, @now)
            """,
            new
            {
                id,
                kind.Format,
                kind.Channel,
                kind.Subdir,
                kind.Complete,
                kind.Shrunk,
                RequestedBy = JsonSerializer.Serialize(caller, Json.Options),
                TraceParent = Activity.Current?.Id,
                now,
            });
        var (bytes, problem) = await StoreAsync(tx, id, kind.Format, file, limit, ct);
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
                return (bytes, Problems.Of(
                    StatusCodes.Status413PayloadTooLarge, "too_large", "Too large.", $"The file may have {limit} bytes at most."));
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

    /// <summary>Why this cannot be imported; null when it can.</summary>
    private static ProblemHttpResult? Refuse(string? format, string? channel, string? subdir, bool isComplete)
    {
        if (format is null || !Formats.Contains(format))
        {
            return Problems.Invalid("format", $"Must be one of {string.Join(", ", Formats)}.");
        }

        if (format is Parselmouth or Repodata
            ? string.IsNullOrWhiteSpace(channel) || channel.Length > MaxChannel || channel.Any(char.IsControl)
            : channel is not null)
        {
            return Problems.Invalid("channel", format is Parselmouth or Repodata
                ? $"Must be the channel that the file is of, {MaxChannel} characters at most."
                : "Only a mapping of format parselmouth and repodata are of a channel.");
        }

        if (subdir is not null && (format != Repodata || !RepodataChannels.IsSubdir(subdir)))
        {
            return Problems.Invalid("subdir", format == Repodata
                ? "Must be a platform as conda names it, such as linux-64, or noarch."
                : "Only repodata is of a platform.");
        }

        return isComplete && format is not (Nvd or Osv) ? Problems.Invalid("complete", "Can be said of OSV and NVD only.") : null;
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
            Osv => head.StartsWith("PK"u8)
                || head[0] is (byte)'{' or (byte)'[' ? null : "Must be a zip of OSV records, or JSON; either may be gzip.",
            Nvd => head.StartsWith("PK"u8)
                || head[0] is (byte)'{' or (byte)'[' ? null : "Must be JSON of NVD's CVE API 2.0, or a zip of it; either may be gzip.",
            Parselmouth => head[0] is (byte)'{' ? null : "Must be parselmouth's JSON of conda names, may be gzip.",
            Grayskull => head.StartsWith("PK"u8) ? "Must be grayskull's table in YAML, may be gzip." : null,
            Repodata => head[0] is (byte)'{' || RepodataReader.IsZstandard(head)
                ? null : "Must be a channel's repodata.json, may be gzip or Zstandard.",
            Kev => head[0] is (byte)'{' ? null : "Must be CISA's catalogue in JSON, may be gzip.",
            _ => head[0] is (byte)'#' or (byte)'c' or (byte)'C' ? null : "Must be the CSV of EPSS with the columns cve, epss; may be gzip.",
        };
    }
}

/// <summary>What a file is.</summary>
/// <param name="Channel">The channel of a mapping or of repodata; null for everything else.</param>
/// <param name="Complete">It is the complete data: of the ecosystem that it is of; for NVD, of the years that it has records of.</param>
internal sealed record ImportKind(string Format, string? Channel, bool Complete)
{
    /// <summary>It is right that it holds much less than the last one.</summary>
    public bool Shrunk { get; init; }

    /// <summary>Of repodata: the platform that it must be of; null for the one that the file names.</summary>
    public string? Subdir { get; init; }

    /// <summary>Normalises the name of the channel.</summary>
    public static ImportKind Of(string format, string? channel, bool complete) => new(
        format, format switch
        {
            ImportAdvisories.Parselmouth => CondaChannels.BuiltIn.Find(channel?.Trim().TrimEnd('/')).Name,
            ImportAdvisories.Grayskull => CondaChannels.CondaForge,
            ImportAdvisories.Repodata => RepodataChannels.NameOf(CondaChannels.BuiltIn, channel),
            _ => null,
        }, complete);
}
