using System.Collections.Concurrent;
using Google.Protobuf;
using Grpc.Core;

namespace EnvPlatform.Grpc.Tests;

/// <summary>What outlives a call of <see cref="ProbeService"/>.</summary>
public sealed class ProbeLog
{
    private readonly ConcurrentDictionary<string, int> _cancelled = [];
    private int _disposed;

    public int Disposed => Volatile.Read(ref _disposed);

    public ConcurrentQueue<string> Seen { get; } = [];

    public ConcurrentQueue<string> Connections { get; } = [];

    public ConcurrentQueue<string> TraceParents { get; } = [];

    /// <summary>How many calls of this name were cancelled.</summary>
    public int CountCancelled(string name) => _cancelled.GetValueOrDefault(name);

    public void AddCancelled(string name) => _cancelled.AddOrUpdate(name, 1, (_, count) => count + 1);

    public void AddDisposed() => Interlocked.Increment(ref _disposed);
}

public sealed class ProbeService(ProbeLog log) : Probe.ProbeBase, IDisposable
{
    public override async Task<Payload> Echo(Payload request, ServerCallContext context)
    {
        var http = context.GetHttpContext();
        log.Seen.Enqueue($"{context.Method} {context.Host} {context.Peer} {http.Request.Protocol}");
        log.Connections.Enqueue(http.Connection.Id);
        log.TraceParents.Enqueue(http.Request.Headers.TraceParent.ToString());
        var headers = new Metadata();
        foreach (var entry in context.RequestHeaders)
        {
            if (entry.Key.StartsWith("echo-", StringComparison.Ordinal))
                headers.Add(entry);
            else if (entry.Key.StartsWith("trail-", StringComparison.Ordinal))
                context.ResponseTrailers.Add(entry);
        }

        if (headers.Count > 0)
            await context.WriteResponseHeadersAsync(headers);
        return request;
    }

    public override async Task Count(CountRequest request, IServerStreamWriter<Payload> responseStream, ServerCallContext context)
    {
        try
        {
            var data = ByteString.CopyFrom(new byte[request.Size]);
            for (var i = 0; i < request.Count; i++)
                await responseStream.WriteAsync(new Payload { Number = i, Data = data });
            if (request.Hang)
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.CancellationToken);
        }
        catch (OperationCanceledException)
        {
            log.AddCancelled(request.Name);
            throw;
        }

        if (request.Status != 0)
            throw new RpcException(new Status((StatusCode)request.Status, "after the messages"));
    }

    public override Task<Payload> Fail(FailRequest request, ServerCallContext context)
    {
        if (request.Code == -1)
            throw new InvalidOperationException(request.Message);
        if (request.Code == 0)
            return Task.FromResult(new Payload { Text = request.Message });
        throw new RpcException(
            new Status((StatusCode)request.Code, request.Message),
            new Metadata { { "reason", "told" }, { "reason-bin", [0, 1, 254, 255] } });
    }

    public override async Task<Payload> Hang(Payload request, ServerCallContext context)
    {
        try
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.CancellationToken);
            return request;
        }
        catch (OperationCanceledException)
        {
            log.AddCancelled(request.Text);
            throw;
        }
    }

    public override Task<Payload> CountCancelled(Payload request, ServerCallContext context) => Task.FromResult(new Payload { Number = log.CountCancelled(request.Text) });

    public void Dispose() => log.AddDisposed();
}
