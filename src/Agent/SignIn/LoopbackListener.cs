using System.Net;
using System.Net.Sockets;
using System.Text;

namespace EnvPlatform.Agent.SignIn;

/// <summary>
/// Receives the answer of a sign-in from the browser of this machine (RFC 8252 section 7.3): HTTP on a free port of the loopback address.
/// </summary>
internal sealed class LoopbackListener : IDisposable
{
    private const int LongestRequest = 16_384;
    private static readonly TimeSpan PatienceForOne = TimeSpan.FromSeconds(10);
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);

    public LoopbackListener()
    {
        _listener.Start();
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        RedirectUri = $"http://127.0.0.1:{Port}/";
    }

    public int Port { get; }

    public string RedirectUri { get; }

    public void Dispose() => _listener.Dispose();

    /// <summary>Waits for the request that has the state; whatever else arrives is answered with 404 and changes nothing.</summary>
    /// <returns>The fields of its query.</returns>
    public async Task<IReadOnlyDictionary<string, string>> ReceiveAsync(string state, CancellationToken ct)
    {
        var answer = new TaskCompletionSource<IReadOnlyDictionary<string, string>>(TaskCreationOptions.RunContinuationsAsynchronously);
        while (true)
        {
            // Browsers open connections that they may not use: none may keep the others waiting.
            var accepted = _listener.AcceptTcpClientAsync(ct).AsTask();
            await Task.WhenAny(accepted, answer.Task);
            if (answer.Task.IsCompleted)
            {
                return await answer.Task;
            }

            _ = ServeAsync(await accepted, state, answer, ct);
        }
    }

    private async Task ServeAsync(
        TcpClient client, string state, TaskCompletionSource<IReadOnlyDictionary<string, string>> answer, CancellationToken ct)
    {
        using var connection = client;
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(ct);
        deadline.CancelAfter(PatienceForOne);
        try
        {
            var stream = connection.GetStream();
            var fields = FieldsOf(await ReadHeadAsync(stream, deadline.Token));
            var isAnswer = fields is not null && fields.TryGetValue("state", out var given) && given == state;
            await stream.WriteAsync(isAnswer ? Page(fields!.ContainsKey("code")) : NotFound(), deadline.Token);
            connection.Client.Shutdown(SocketShutdown.Send);
            if (isAnswer)
            {
                answer.TrySetResult(fields!);
            }
        }
        catch (Exception failure) when (failure is IOException or SocketException or OperationCanceledException)
        {
            // The browser went away; it may come again.
        }
    }

    private static async Task<string> ReadHeadAsync(NetworkStream stream, CancellationToken ct)
    {
        var buffer = new byte[LongestRequest];
        var length = 0;
        while (length < buffer.Length)
        {
            var read = await stream.ReadAsync(buffer.AsMemory(length), ct);
            if (read == 0)
            {
                break;
            }

            length += read;
            if (buffer.AsSpan(0, length).IndexOf("\r\n\r\n"u8) >= 0)
            {
                return Encoding.Latin1.GetString(buffer, 0, length);
            }
        }

        return "";
    }

    /// <summary>The query of a GET of the redirect address; null for any other request, or one by another name of this machine.</summary>
    private Dictionary<string, string>? FieldsOf(string head)
    {
        var lines = head.Split("\r\n");
        var words = lines[0].Split(' ');
        var isOurs = lines.Any(line => line.Equals($"Host: 127.0.0.1:{Port}", StringComparison.OrdinalIgnoreCase));
        if (!isOurs || words is not ["GET", var target, ..] || !target.StartsWith("/?", StringComparison.Ordinal))
        {
            return null;
        }

        var fields = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var field in target[2..].Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var (name, value) = field.Split('=', 2) is [var left, var right] ? (left, right) : (field, "");
            if (!fields.TryAdd(Decoded(name), Decoded(value)))
            {
                // No parameter may be there twice (RFC 6749 section 3.1).
                return null;
            }
        }

        return fields;
    }

    private static string Decoded(string text) => Uri.UnescapeDataString(text.Replace('+', ' '));

    private static byte[] Page(bool hasCode) => Response("200 OK", $"""
        <!DOCTYPE html>
        <html lang="en">
        <head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>EnvPlatform</title></head>
        <body>
        <main>
        <h1>{(hasCode ? "Back to the terminal" : "Not signed in")}</h1>
        <p>{(hasCode ? "envplatform goes on in your terminal." : "The sign-in was not completed; your terminal says why.")}</p>
        <p>This page can be closed.</p>
        </main>
        </body>
        </html>

        """);

    private static byte[] NotFound() => Response("404 Not Found", "Nothing is here.\n", "text/plain");

    private static byte[] Response(string status, string body, string type = "text/html") => Encoding.UTF8.GetBytes(
        $"HTTP/1.1 {status}\r\nContent-Type: {type}; charset=utf-8\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\n"
        + "Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\n"
        + $"Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\nConnection: close\r\n\r\n{body}");
}
