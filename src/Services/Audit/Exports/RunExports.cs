using System.Security.Cryptography;

using Dapper;

using EnvPlatform.Audit.AuditLogs;
using EnvPlatform.Audit.Formats;
using EnvPlatform.Audit.Proofs;
using EnvPlatform.Postgres;
using EnvPlatform.Postgres.Background;

using Npgsql;

namespace EnvPlatform.Audit.Exports;

/// <summary>
/// Writes exports, a part at a time, each in a transaction with the position that it was read up to. An instance that ends in between
/// leaves a lease that lapses; another one goes on from there.
/// </summary>
internal sealed partial class RunExports(NpgsqlDataSource db, SignCheckpoints checkpoints, TimeProvider clock, ILogger<RunExports> log)
    : IListeningWork
{
    public const string Notify = "notify " + ChannelName;

    private const string ChannelName = "audit_exports";
    private const int RowsOfPart = 1_000;
    private const int BytesOfPart = 1 << 20;
    private const int MaxAttempts = 5;
    private static readonly TimeSpan Poll = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(30);

    static string IListeningWork.Channel => ChannelName;

    public async Task<TimeSpan> RunAsync(CancellationToken ct)
    {
        while (await ClaimAsync(ct) is { } export)
        {
            if (export.Attempts > MaxAttempts)
            {
                await FailAsync(export, ct);
                continue;
            }

            while (await WritePartAsync(export, ct) is { } next)
            {
                export = next;
            }
        }

        return Poll;
    }

    private async Task<Export?> ClaimAsync(CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        await using var tx = await db.BeginAsync(ct);
        var export = await tx.QuerySingleOrDefaultAsync<Export>(
            $"""
            update audit_exports set status = 'running', leased_until = @Until, attempts = attempts + 1
            where id = (
                select id from audit_exports where status in ('pending', 'running') and leased_until <= @now and expires_at > @now
                order by created_at limit 1 for update skip locked)
            returning {Export.Columns}
            """, new { now, Until = now + Lease });
        if (export is { Total: null })
        {
            var parameters = ParametersOf(export);
            var where = ListAuditLogs.Where(export.Query, parameters);
            var total = await tx.QuerySingleAsync<long>(
                $"select count(*) from audit_events where {where} and seq <= @UntilSeq", parameters);
            export = await tx.QuerySingleAsync<Export>(
                $"update audit_exports set total = @total where id = @Id returning {Export.Columns}", new { total, export.Id });
        }

        await tx.CommitAsync();
        return export;
    }

    /// <returns>The export as it is then; null when there is nothing more to do for now.</returns>
    private async Task<Export?> WritePartAsync(Export export, CancellationToken ct)
    {
        var parameters = ParametersOf(export);
        var where = ListAuditLogs.Where(export.Query, parameters);
        var rows = await db.QueryAsync<Row>(
            $"""
            select seq, entry from audit_events where {where} and seq > @LastRead and seq <= @UntilSeq order by seq limit @RowsOfPart
            """, parameters, ct);
        if (rows.Count == 0)
        {
            await CompleteAsync(export, ct);
            return null;
        }

        using var content = new MemoryStream();
        if (export.Written == 0)
        {
            content.Write(AuditFormats.Header(export.Format));
        }

        var count = 0;
        for (; count < rows.Count && (count == 0 || content.Length < BytesOfPart); count++)
        {
            content.Write(AuditFormats.Line(export.Format, rows[count].Entry));
        }

        await using var tx = await db.BeginAsync(ct);
        var next = await tx.QuerySingleOrDefaultAsync<Export>(
            $"""
            update audit_exports set written = written + @count, bytes = bytes + @Length, parts = parts + 1, last_read = @Last,
                first_seq = coalesce(first_seq, @First), last_seq = @Last, attempts = 0, leased_until = @Until
            where id = @Id and status = 'running' and last_read = @LastRead
            returning {Export.Columns}
            """,
            new
            {
                export.Id,
                export.LastRead,
                count,
                content.Length,
                First = rows[0].Seq,
                Last = rows[count - 1].Seq,
                Until = clock.GetUtcNow() + Lease,
            });
        if (next is null)
        {
            // Another instance took it over when this one was slow, or it is gone.
            return null;
        }

        await tx.ExecuteAsync(
            "insert into audit_export_parts (export_id, first_byte, content) values (@Id, @FirstByte, @Content)",
            new { export.Id, FirstByte = export.Bytes, Content = content.ToArray() });
        await tx.CommitAsync();
        return next;
    }

    private async Task CompleteAsync(Export export, CancellationToken ct)
    {
        if (export.Written == 0 && export.Parts == 0 && AuditFormats.Header(export.Format) is { Length: > 0 } header)
        {
            await using var first = await db.BeginAsync(ct);
            await first.ExecuteAsync(
                "insert into audit_export_parts (export_id, first_byte, content) values (@Id, 0, @header) on conflict do nothing",
                new { export.Id, header });
            await first.ExecuteAsync(
                "update audit_exports set bytes = @Length, parts = 1 where id = @Id", new { export.Id, Length = (long)header.Length });
            await first.CommitAsync();
        }

        var checkpoint = await checkpoints.LatestAsync(export.OrgId, export.UntilSeq, ct);
        if (checkpoint is null)
        {
            // The tree is being built; the lease lapses, and that is no failed attempt.
            await using var later = await db.BeginAsync(ct);
            await later.ExecuteAsync("update audit_exports set attempts = 0 where id = @Id", new { export.Id });
            await later.CommitAsync();
            return;
        }

        await using var tx = await db.BeginAsync(ct);
        await tx.ExecuteAsync(
            """
            update audit_exports set status = 'completed', completed_at = @Now, sha256 = @Sha256, checkpoint = @Note
            where id = @Id and status = 'running'
            """, new { export.Id, Now = clock.GetUtcNow(), Sha256 = await Sha256Async(export.Id, ct), checkpoint.Note });
        await tx.CommitAsync();
        LogCompleted(export.Id, export.Written, export.Bytes);
    }

    private async Task<byte[]> Sha256Async(Guid id, CancellationToken ct)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        await using var content = await ExportContent.OpenAsync(db, id, ct);
        var buffer = new byte[BytesOfPart];
        int read;
        while ((read = await content.ReadAsync(buffer, ct)) > 0)
        {
            hash.AppendData(buffer, 0, read);
        }

        return hash.GetHashAndReset();
    }

    private async Task FailAsync(Export export, CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        await tx.ExecuteAsync(
            "update audit_exports set status = 'failed', error = @Error, completed_at = @Now where id = @Id and status = 'running'",
            new { export.Id, Error = "The export could not be written; start another one.", Now = clock.GetUtcNow() });
        await tx.CommitAsync();
        LogFailed(export.Id, export.Written);
    }

    private static DynamicParameters ParametersOf(Export export)
    {
        var query = export.Query;
        return new(new { OrgId = query.Log, query.From, query.Until, export.UntilSeq, export.LastRead, RowsOfPart });
    }

    private sealed record Row(long Seq, byte[] Entry);

    [LoggerMessage(Level = LogLevel.Information, Message = "The export {Id} of {Events} events and {Bytes} bytes is complete.")]
    private partial void LogCompleted(Guid id, long events, long bytes);

    [LoggerMessage(Level = LogLevel.Error, Message = "The export {Id} failed after {Events} events, as its attempts before did.")]
    private partial void LogFailed(Guid id, long events);
}
