using System.IO.Pipelines;
using Grpc.Core;
using Grpc.Core.Wire;

namespace Grpc.Net.Client;

/// <summary>
/// One call: a request sent, a response read, and one status at its end, whoever brings it about: the server, the transport, the deadline
/// or the caller. Whoever is first decides. What the call holds is freed once it has ended and nobody is at work on it: the buffers of a
/// reader must not go back to the pool under its hands.
/// </summary>
internal sealed partial class ClientCall<TRequest, TResponse> : IAsyncStreamReader<TResponse>, IDisposable
    where TRequest : class
    where TResponse : class
{
    private static readonly StreamPipeReaderOptions ReaderOptions = new(bufferSize: 16 * 1024);
    private static readonly TimeSpan MaxTimer = TimeSpan.FromMilliseconds(uint.MaxValue - 1);

    private readonly GrpcChannel _channel;
    private readonly Method<TRequest, TResponse> _method;
    private readonly string? _host;
    private readonly CallOptions _options;
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource<Metadata> _responseHeaders = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _lock = new();
    private readonly CancellationTokenRegistration _onCancelled;
    private readonly CancellationTokenRegistration _onChannelDisposed;
    private readonly ITimer? _deadline;
    private HttpRequestMessage? _request;
    private HttpResponseMessage? _response;
    private PipeReader? _pipe;
    private Task<MessageReader<TResponse>?>? _reader;
    private TResponse? _current;
    private Status? _status;
    private Metadata _trailers = Metadata.Empty;

    /// <summary>How many are at work on the call; the first is its start.</summary>
    private int _users = 1;

    private bool _freed;

    public ClientCall(GrpcChannel channel, Method<TRequest, TResponse> method, string? host, CallOptions options)
    {
        _channel = channel;
        _method = method;
        _host = host;
        _options = options;
        if (options.Deadline is { } deadline && deadline != DateTime.MaxValue)
        {
            if (deadline.Kind != DateTimeKind.Utc && deadline != DateTime.MinValue)
                throw new InvalidOperationException("Deadline must have a kind DateTimeKind.Utc or be equal to DateTime.MaxValue or DateTime.MinValue.");
            var remaining = Remaining(deadline);
            if (remaining <= TimeSpan.Zero)
                OnDeadline();
            else if (remaining <= MaxTimer)
                _deadline = TimeProvider.System.CreateTimer(static call => ((ClientCall<TRequest, TResponse>)call!).OnDeadline(), this, remaining, Timeout.InfiniteTimeSpan);
        }

        _onCancelled = options.CancellationToken.UnsafeRegister(static call => ((ClientCall<TRequest, TResponse>)call!).OnCancelled(), this);
        _onChannelDisposed = channel.Disposed.UnsafeRegister(static call => ((ClientCall<TRequest, TResponse>)call!).Dispose(), this);
    }

    public Task<Metadata> ResponseHeaders => _responseHeaders.Task;

    public TResponse Current => _current ?? throw new InvalidOperationException("No current element is available in the response stream.");

    /// <summary>Sends the request and reads the one response.</summary>
    public async Task<TResponse> RunUnaryAsync(TRequest request)
    {
        TResponse? message = null;
        try
        {
            var reader = await StartAsync(request);
            message = reader is null ? null : await reader.ReadSingleAsync(_stop.Token);
            var (status, trailers) = ReadEnd();
            if (status.StatusCode == StatusCode.OK && message is null)
                status = new Status(StatusCode.Internal, "Failed to deserialize response message.");
            End(status, trailers);
        }
        catch (Exception exception)
        {
            Fail("Error starting gRPC call.", exception);
        }
        finally
        {
            Leave();
        }

        var end = GetStatus();
        return end.StatusCode == StatusCode.OK ? message! : throw ToException(end);
    }

    /// <summary>Sends the request; the responses are read as they are asked for.</summary>
    public void StartServerStreaming(TRequest request) => _reader = StartStreamAsync(request);

    public async Task<bool> MoveNext(CancellationToken cancellationToken)
    {
        Enter();
        try
        {
            using var onCancelled = cancellationToken.UnsafeRegister(static call => ((ClientCall<TRequest, TResponse>)call!).OnCancelled(), this);
            _current = null;
            var reader = await _reader!;
            if (!HasEnded)
            {
                if (reader is not null && await reader.ReadAsync(_stop.Token) is { } message)
                {
                    _current = message;
                    return true;
                }

                var (status, trailers) = ReadEnd();
                End(status, trailers);
            }
        }
        catch (Exception exception)
        {
            Fail("Error reading next message.", exception);
        }
        finally
        {
            Leave();
        }

        var end = GetStatus();
        return end.StatusCode == StatusCode.OK ? false : throw ToException(end);
    }

    public Status GetStatus()
    {
        lock (_lock)
            return _status ?? throw new InvalidOperationException("Unable to get the status because the call is not complete.");
    }

    public Metadata GetTrailers()
    {
        lock (_lock)
            return _status is null ? throw new InvalidOperationException("Can't get the call trailers because the call is not complete.") : _trailers;
    }

    public void Dispose() => Stop(new Status(StatusCode.Cancelled, "gRPC call disposed."));

    private static TimeSpan Remaining(DateTime deadline) => deadline - TimeProvider.System.GetUtcNow().UtcDateTime;

    private bool HasEnded
    {
        get
        {
            lock (_lock)
                return _status is not null;
        }
    }

    private async Task<MessageReader<TResponse>?> StartStreamAsync(TRequest request)
    {
        try
        {
            return await StartAsync(request);
        }
        catch (Exception exception)
        {
            Fail("Error starting gRPC call.", exception);
            return null;
        }
        finally
        {
            Leave();
        }
    }

    private void OnCancelled() => Stop(new Status(StatusCode.Cancelled, "Call canceled by the client."));

    private void OnDeadline() => Stop(new Status(StatusCode.DeadlineExceeded, ""));

    /// <summary>Ends the call from this side.</summary>
    private void Stop(Status status)
    {
        if (!End(status, Metadata.Empty))
            return;
        Enter();
        _stop.Cancel();
        Leave();
    }

    private void Fail(string what, Exception exception)
    {
        var status = _options.Deadline is { } deadline && exception is not RpcException && Remaining(deadline) <= TimeSpan.Zero
            ? new Status(StatusCode.DeadlineExceeded, "", exception)
            : TransportStatus.From(what, exception);
        End(status, (exception as RpcException)?.Trailers ?? Metadata.Empty);
    }

    private bool End(Status status, Metadata trailers)
    {
        lock (_lock)
        {
            if (_status is not null)
                return false;
            (_status, _trailers) = (status, trailers);
            return true;
        }
    }

    private void Enter()
    {
        lock (_lock)
            _users++;
    }

    private void Leave()
    {
        lock (_lock)
        {
            if (--_users > 0 || _status is null || _freed)
                return;
            _freed = true;
        }

        _onCancelled.Unregister();
        _onChannelDisposed.Unregister();
        _deadline?.Dispose();
        _pipe?.Complete();
        _response?.Dispose();
        _request?.Dispose();
        if (_responseHeaders.TrySetException(ToException(GetStatus())))
            _ = _responseHeaders.Task.Exception;
    }

    private Exception ToException(Status status)
    {
        var exception = new RpcException(status, GetTrailers());
        return _channel.Options.ThrowOperationCanceledOnCancellation && status.StatusCode is StatusCode.Cancelled or StatusCode.DeadlineExceeded && _stop.IsCancellationRequested
            ? new OperationCanceledException(exception.Message, exception, _options.CancellationToken)
            : exception;
    }
}
