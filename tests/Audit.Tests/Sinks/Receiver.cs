using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;

using EnvPlatform.Testing;

namespace EnvPlatform.Audit.Tests.Sinks;

/// <summary>An HTTP server that receives the log: a process of its own, in JavaScript, which verifies signatures by a library.</summary>
internal sealed class Receiver : IDisposable
{
    private static readonly NodeScript Script = new("Audit.Tests/Sinks/Receiver", "receiver.js");
    private readonly Process _process;
    private readonly ConcurrentQueue<JsonElement> _lines = new();
    private int _told;

    private Receiver(Process process)
    {
        _process = process;
        _process.OutputDataReceived += (_, line) =>
        {
            if (line.Data is { Length: > 0 } text)
            {
                _lines.Enqueue(JsonDocument.Parse(text).RootElement);
            }
        };
        _process.BeginOutputReadLine();
    }

    public int Port { get; private set; }

    /// <summary>The requests that it answered, in order.</summary>
    public IReadOnlyList<JsonElement> Requests => [.. _lines.Where(line => line.TryGetProperty("path", out _))];

    /// <summary>
    /// The numbers of the events that it received, in the order in which it did, those received twice twice; without what is told of the
    /// receivers themselves.
    /// </summary>
    public IReadOnlyList<long> Received =>
    [
        .. Requests.Where(request => request.GetProperty("status").GetInt32() == 200)
            .SelectMany(request => Events(request.GetProperty("body").GetString()!))
            .Where(item => !item.GetProperty("action_key").GetString()!.StartsWith("audit_sink_", StringComparison.Ordinal))
            .Select(item => item.GetProperty("seq").GetInt64()),
    ];

    public static async Task<Receiver> StartAsync(object? behaviour = null, int port = 0, string? key = null, string? cert = null)
    {
        var receiver = new Receiver(await Script.StartAsync(JsonSerializer.Serialize(new { port, key, cert, behaviour })));
        var line = await Eventually.GetAsync(
            () => Task.FromResult(receiver._lines.Where(line => line.TryGetProperty("port", out _)).Cast<JsonElement?>().FirstOrDefault()
                is { } first ? $"{first.GetProperty("port").GetInt32()}" : null), "the port of the receiver");
        receiver.Port = int.Parse(line, null);
        return receiver;
    }

    /// <summary>Changes how it answers, from now on.</summary>
    public async Task TellAsync(object behaviour)
    {
        await _process.StandardInput.WriteLineAsync(JsonSerializer.Serialize(behaviour));
        await _process.StandardInput.FlushAsync();
        var told = ++_told;
        await Eventually.BecomesTrueAsync(
            () => Task.FromResult(_lines.Count(line => line.TryGetProperty("told", out _)) >= told), "the receiver to have heard");
    }

    public Task UntilReceivedAsync(long last, int seconds = 40) => Eventually.BecomesTrueAsync(
        () => Task.FromResult(Received.Contains(last)),
        $"event {last} at the receiver, which has {string.Join(", ", Received.TakeLast(5))}", seconds);

    /// <summary>The events of a message of a webhook, or of a collector.</summary>
    public static IEnumerable<JsonElement> Events(string body)
    {
        if (body.Contains("\"audit_log.events\"", StringComparison.Ordinal))
        {
            return JsonDocument.Parse(body).RootElement.GetProperty("data").GetProperty("events").EnumerateArray();
        }

        return Values(body).Select(value => value.GetProperty("event")).Where(item => item.ValueKind == JsonValueKind.Object);
    }

    /// <summary>JSON values, one after the other.</summary>
    public static List<JsonElement> Values(string body)
    {
        var reader = new Utf8JsonReader(
            System.Text.Encoding.UTF8.GetBytes(body), new JsonReaderOptions { AllowMultipleValues = true });
        var values = new List<JsonElement>();
        while (reader.Read())
        {
            values.Add(JsonElement.ParseValue(ref reader));
        }

        return values;
    }

    public void Dispose()
    {
        // May be done twice: whoever asks then is told that it has ended.
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit();
        }
    }
}
