using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace EnvPlatform.Testing;

/// <summary>What a server answered; the text of head and body is a character for each byte.</summary>
public sealed record RawAnswer(int Status, string Head, string Body)
{
    public string? Header(string name) =>
        Head.Split("\r\n").Skip(1).FirstOrDefault(line => line.StartsWith(name + ":", StringComparison.OrdinalIgnoreCase))?
            [(name.Length + 1)..].Trim();
}

/// <summary>A connection to a server of HTTP/1.1 that sends bytes as they are, whether a client would send such or not.</summary>
public sealed class RawConnection : IDisposable
{
    private readonly TcpClient _client;
    private readonly NetworkStream _stream;
    private byte[] _buffer = new byte[16 * 1024];
    private int _filled;

    private RawConnection(TcpClient client) => (_client, _stream) = (client, client.GetStream());

    /// <summary>Whether another request may be sent.</summary>
    public bool IsOpen { get; private set; } = true;

    public static async Task<RawConnection> OpenAsync(Uri address, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(address);
        var client = new TcpClient { NoDelay = true };
        await client.ConnectAsync(address.Host, address.Port, ct);
        return new RawConnection(client);
    }

    /// <summary>Sends one request and reads its answer; text is sent a byte for each character.</summary>
    public static async Task<RawAnswer?> AskAsync(Uri address, string request)
    {
        using var timeout = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        using var connection = await OpenAsync(address, timeout.Token);
        return await connection.SendAsync(Encoding.Latin1.GetBytes(request), timeout.Token);
    }

    /// <summary>Null when the server closes the connection without an answer.</summary>
    public async Task<RawAnswer?> SendAsync(ReadOnlyMemory<byte> request, CancellationToken ct)
    {
        try
        {
            await _stream.WriteAsync(request, ct);
        }
        catch (IOException)
        {
            // The server may have answered and closed before it had read everything.
        }

        try
        {
            return await ReadAsync(request.Span.StartsWith("HEAD "u8), ct);
        }
        catch (IOException)
        {
            IsOpen = false;
            return null;
        }
    }

    public void Dispose()
    {
        _stream.Dispose();
        _client.Dispose();
    }

    private async Task<RawAnswer?> ReadAsync(bool ofHead, CancellationToken ct)
    {
        string head;
        int status;
        do
        {
            int end;
            while ((end = _buffer.AsSpan(0, _filled).IndexOf("\r\n\r\n"u8)) < 0)
            {
                if (!await FillAsync(ct))
                {
                    return null;
                }
            }

            head = Take(end + 4);
            status = int.Parse(head.AsSpan(9, 3), CultureInfo.InvariantCulture);
        }
        while (status is >= 100 and < 200);
        var answer = new RawAnswer(status, head, "");
        if (answer.Header("Content-Type")?.StartsWith("text/event-stream", StringComparison.Ordinal) == true)
        {
            // It has no end to wait for.
            IsOpen = false;
            return answer;
        }

        var body = ofHead || status is 204 or 304 ? ""
            : answer.Header("Transfer-Encoding") is not null ? await ReadChunksAsync(ct)
            : answer.Header("Content-Length") is { } length ? await ReadLengthAsync(int.Parse(length, CultureInfo.InvariantCulture), ct)
            : await ReadToEndAsync(ct);
        IsOpen &= answer.Header("Connection")?.Equals("close", StringComparison.OrdinalIgnoreCase) != true;
        return answer with { Body = body };
    }

    private async Task<string> ReadChunksAsync(CancellationToken ct)
    {
        var body = new StringBuilder();
        while (true)
        {
            int end;
            while ((end = _buffer.AsSpan(0, _filled).IndexOf("\r\n"u8)) < 0)
            {
                await FillOrFailAsync(ct);
            }

            var size = int.Parse(Take(end + 2).AsSpan(0, end), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            body.Append((await ReadLengthAsync(size + 2, ct)).AsSpan(0, size));
            if (size == 0)
            {
                return body.ToString();
            }
        }
    }

    private async Task<string> ReadLengthAsync(int length, CancellationToken ct)
    {
        while (_filled < length)
        {
            await FillOrFailAsync(ct);
        }

        return Take(length);
    }

    private async Task<string> ReadToEndAsync(CancellationToken ct)
    {
        while (await FillAsync(ct))
        {
        }

        return Take(_filled);
    }

    private async Task FillOrFailAsync(CancellationToken ct)
    {
        if (!await FillAsync(ct))
        {
            throw new IOException("The answer was cut off.");
        }
    }

    private async Task<bool> FillAsync(CancellationToken ct)
    {
        if (_filled == _buffer.Length)
        {
            Array.Resize(ref _buffer, _buffer.Length * 2);
        }

        var read = await _stream.ReadAsync(_buffer.AsMemory(_filled), ct);
        _filled += read;
        IsOpen &= read > 0;
        return read > 0;
    }

    private string Take(int length)
    {
        var text = Encoding.Latin1.GetString(_buffer, 0, length);
        Buffer.BlockCopy(_buffer, length, _buffer, 0, _filled - length);
        _filled -= length;
        return text;
    }
}
