using System.Net;
using System.Net.Sockets;
using Grpc.Core;
using Grpc.Core.Wire;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace Grpc.AspNetCore.Server.Internal;

/// <summary>
/// One call: its context for the handler, and the one place where it ends. It ends once, either by its handler or by its deadline; the gate
/// keeps the deadline off the response while a message is on its way.
/// </summary>
internal sealed partial class ServerCall : ServerCallContext, IAsyncDisposable
{
    /// <summary>How long the deadline waits for a message on its way; a caller that does not read gets a reset instead of trailers.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromMilliseconds(500);

    /// <summary>HTTP/2 error CANCEL (RFC 9113, 7).</summary>
    private const int Http2Cancel = 0x8;

    private static readonly TimeSpan MaxTimer = TimeSpan.FromMilliseconds(uint.MaxValue - 1);

    private readonly ILogger _logger;
    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly CancellationTokenSource? _deadline;
    private readonly CancellationTokenSource? _cancellation;
    private readonly CancellationTokenRegistration _onDeadline;
    private Metadata? _requestHeaders;
    private Metadata? _responseTrailers;
    private Task _deadlineEnd = Task.CompletedTask;
    private int _ended;

    public ServerCall(HttpContext httpContext, IMethod method, GrpcServiceOptions options, ILogger logger)
    {
        HttpContext = httpContext;
        Options = options;
        _logger = logger;
        MethodCore = method.FullName;
        CancellationTokenCore = httpContext.RequestAborted;
        httpContext.Response.ContentType = WireFormat.ContentType;
        if (!WireFormat.TryDecodeTimeout(httpContext.Request.Headers[WireFormat.TimeoutHeader], out var timeout))
            return;
        var now = TimeProvider.System.GetUtcNow().UtcDateTime;
        DeadlineCore = timeout < DateTime.MaxValue - now ? now + timeout : DateTime.MaxValue;
        _deadline = new CancellationTokenSource(timeout < MaxTimer ? timeout : MaxTimer);
        _cancellation = CancellationTokenSource.CreateLinkedTokenSource(_deadline.Token, httpContext.RequestAborted);
        CancellationTokenCore = _cancellation.Token;
        _onDeadline = _deadline.Token.UnsafeRegister(static call => ((ServerCall)call!).OnDeadline(), this);
    }

    public HttpContext HttpContext { get; }

    public GrpcServiceOptions Options { get; }

    protected override string MethodCore { get; }

    protected override string HostCore => HttpContext.Request.Host.Value ?? "";

    protected override string PeerCore => HttpContext.Connection.RemoteIpAddress switch
    {
        { AddressFamily: AddressFamily.InterNetwork } address => $"ipv4:{address}:{HttpContext.Connection.RemotePort}",
        { AddressFamily: AddressFamily.InterNetworkV6 } address => $"ipv6:{new IPEndPoint(address, HttpContext.Connection.RemotePort)}",
        _ => "unknown",
    };

    protected override DateTime DeadlineCore { get; } = DateTime.MaxValue;

    protected override Metadata RequestHeadersCore => _requestHeaders ??= ReadHeaders(HttpContext.Request.Headers);

    protected override CancellationToken CancellationTokenCore { get; }

    protected override Metadata ResponseTrailersCore => _responseTrailers ??= [];

    protected override Status StatusCore { get; set; }

    protected override WriteOptions? WriteOptionsCore { get; set; }

    protected override AuthContext AuthContextCore => new(peerIdentityPropertyName: null, []);

    protected override IDictionary<object, object> UserStateCore => HttpContext.Items!;

    public MessageReader<T> CreateReader<T>(Func<DeserializationContext, T> deserializer)
        where T : class =>
        new(HttpContext.Request.BodyReader, deserializer, Options.MaxReceiveMessageSize, HttpContext.Request.Headers[WireFormat.EncodingHeader], StatusCode.Unimplemented);

    /// <summary>Keeps all others off the response until <see cref="EndWrite"/>.</summary>
    /// <exception cref="InvalidOperationException">Another write is under way, or the call has ended.</exception>
    public void BeginWrite()
    {
        if (!_gate.Wait(0, CancellationToken.None))
            throw new InvalidOperationException("Can't write the message because the previous write is in progress.");
        if (Volatile.Read(ref _ended) == 0)
            return;
        _gate.Release();
        throw new InvalidOperationException("Can't write the message because the request is complete.");
    }

    public void EndWrite() => _gate.Release();

    /// <summary>Ends the call with what the handler left: a status, and before it the response of a unary call.</summary>
    public async Task EndAsync(Func<ValueTask>? writeResponse)
    {
        if (Interlocked.Exchange(ref _ended, 1) != 0)
            return;
        if (writeResponse is not null && StatusCore.StatusCode == StatusCode.OK)
        {
            try
            {
                await writeResponse();
            }
            catch (Exception exception)
            {
                StatusCore = ToStatus(exception);
            }
        }

        WriteTrailers(StatusCore);
    }

    /// <summary>Ends the call with what an exception says to the caller.</summary>
    public Task EndAsync(Exception exception)
    {
        StatusCore = ToStatus(exception);
        return EndAsync(writeResponse: null);
    }

    /// <summary>Waits for the deadline to let go of the response, which Kestrel takes back when the handler of the request returns.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_deadline is not null)
        {
            await _onDeadline.DisposeAsync();
            await _deadlineEnd;
            _deadline.Dispose();
            _cancellation!.Dispose();
        }

        _gate.Dispose();
    }

    protected override Task WriteResponseHeadersAsyncCore(Metadata responseHeaders)
    {
        ArgumentNullException.ThrowIfNull(responseHeaders);
        if (HttpContext.Response.HasStarted)
            throw new InvalidOperationException("Response headers can only be sent once per call.");
        return WriteHeadersAsync(responseHeaders);
    }

    protected override ContextPropagationToken CreatePropagationTokenCore(ContextPropagationOptions? options) =>
        throw new NotSupportedException("A call passes its deadline and cancellation on by CallOptions.");

    private static Metadata ReadHeaders(IHeaderDictionary headers)
    {
        var metadata = new Metadata();
        foreach (var (name, values) in headers)
        {
            foreach (var value in values)
                WireFormat.AddHeader(metadata, name, value ?? "");
        }

        return metadata;
    }

    private static void WriteMetadata(IHeaderDictionary headers, Metadata metadata)
    {
        foreach (var entry in metadata)
        {
            if (!WireFormat.IsReserved(entry.Key))
                headers.Append(entry.Key, WireFormat.EncodeValue(entry));
        }
    }

    private async Task WriteHeadersAsync(Metadata headers)
    {
        BeginWrite();
        try
        {
            WriteMetadata(HttpContext.Response.Headers, headers);
            await HttpContext.Response.StartAsync(CancellationToken.None);
            await HttpContext.Response.BodyWriter.FlushAsync(CancellationToken.None);
        }
        finally
        {
            EndWrite();
        }
    }

    private Status ToStatus(Exception exception)
    {
        if (exception is RpcException rpc)
        {
            foreach (var trailer in rpc.Trailers)
                ResponseTrailers.Add(trailer);
            Log.Failed(_logger, MethodCore, rpc.StatusCode, rpc.Status.DebugException);
            return rpc.Status;
        }

        // Whatever a handler throws after the end, by its deadline or by the caller, tells no one anything.
        if (CancellationToken.IsCancellationRequested)
        {
            Log.Cancelled(_logger, MethodCore, exception);
            return Status.DefaultCancelled;
        }

        Log.Threw(_logger, MethodCore, exception);
        var detail = "Exception was thrown by handler.";
        return new Status(StatusCode.Unknown, Options.EnableDetailedErrors == true ? $"{detail} {exception.GetType().Name}: {exception.Message}" : detail);
    }

    private void OnDeadline()
    {
        if (Interlocked.Exchange(ref _ended, 1) == 0)
            _deadlineEnd = EndByDeadlineAsync();
    }

    private async Task EndByDeadlineAsync()
    {
        Log.DeadlineExceeded(_logger, MethodCore);
        if (!await _gate.WaitAsync(Grace, CancellationToken.None))
        {
            HttpContext.Features.Get<IHttpResetFeature>()?.Reset(Http2Cancel);
            return;
        }

        try
        {
            WriteTrailers(new Status(StatusCode.DeadlineExceeded, ""));
            await HttpContext.Response.CompleteAsync();
        }
        finally
        {
            _gate.Release();
        }
    }

    private void WriteTrailers(Status status)
    {
        var response = HttpContext.Response;

        // A response without messages is its trailers alone (Trailers-Only), sent as headers.
        var trailers = response.HasStarted ? HttpContext.Features.GetRequiredFeature<IHttpResponseTrailersFeature>().Trailers : response.Headers;
        if (_responseTrailers is not null)
            WriteMetadata(trailers, _responseTrailers);
        GrpcRequest.SetStatus(trailers, status);
    }

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Error, "Error when executing service method '{Method}'.")]
        public static partial void Threw(ILogger logger, string method, Exception exception);

        [LoggerMessage(2, LogLevel.Information, "Service method '{Method}' ended with {StatusCode}.")]
        public static partial void Failed(ILogger logger, string method, StatusCode statusCode, Exception? exception);

        [LoggerMessage(3, LogLevel.Debug, "Service method '{Method}' was cancelled.")]
        public static partial void Cancelled(ILogger logger, string method, Exception exception);

        [LoggerMessage(4, LogLevel.Debug, "The deadline of service method '{Method}' has passed.")]
        public static partial void DeadlineExceeded(ILogger logger, string method);
    }
}
