using EnvPlatform.Postgres;

using Npgsql;

namespace EnvPlatform.Audit.Exports;

/// <summary>The content of an export as a stream that can be read from any place; holds one part at a time.</summary>
internal sealed class ExportContent : Stream
{
    private readonly NpgsqlDataSource _db;
    private readonly Guid _id;
    private byte[] _part = [];
    private long _partBegins;

    private ExportContent(NpgsqlDataSource db, Guid id, long length) => (_db, _id, Length) = (db, id, length);

    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => false;

    public override long Length { get; }

    public override long Position { get; set; }

    public static async Task<ExportContent> OpenAsync(NpgsqlDataSource db, Guid id, CancellationToken ct) =>
        new(db, id, await db.QuerySingleOrDefaultAsync<long>("select bytes from audit_exports where id = @id", new { id }, ct));

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (Position >= Length || buffer.Length == 0)
        {
            return 0;
        }

        if (Position < _partBegins || Position >= _partBegins + _part.Length)
        {
            var part = await _db.QuerySingleOrDefaultAsync<Part>(
                """
                select first_byte, content from audit_export_parts where export_id = @_id and first_byte <= @Position
                order by first_byte desc limit 1
                """, new { _id, Position }, cancellationToken);
            if (part is null || Position >= part.FirstByte + part.Content.Length)
            {
                // It expired while it was read.
                throw new IOException("The export is no longer there.");
            }

            (_partBegins, _part) = (part.FirstByte, part.Content);
        }

        var count = (int)Math.Min(buffer.Length, _partBegins + _part.Length - Position);
        _part.AsMemory((int)(Position - _partBegins), count).CopyTo(buffer);
        Position += count;
        return count;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("It is read asynchronously.");

    public override long Seek(long offset, SeekOrigin origin) => Position = origin switch
    {
        SeekOrigin.Begin => offset,
        SeekOrigin.Current => Position + offset,
        _ => Length + offset,
    };

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush()
    {
    }

    private sealed record Part(long FirstByte, byte[] Content);
}
