using System.Collections.Concurrent;
using Grpc.Core;
using Grpc.Core.Wire;
using Microsoft.Extensions.Logging;

namespace Grpc.Net.Client;

public sealed class GrpcChannelOptions
{
    /// <summary>Whether the channel is secured. Null takes it from the scheme of the address.</summary>
    public ChannelCredentials? Credentials { get; set; }

    /// <summary>In bytes; null, the default, for no limit.</summary>
    public int? MaxSendMessageSize { get; set; }

    /// <summary>In bytes, 4 MiB unless set; null for no limit.</summary>
    public int? MaxReceiveMessageSize { get; set; } = WireFormat.DefaultMaxReceiveMessageSize;

    /// <summary>Taken and not used: calls are logged by the handlers of the HTTP client.</summary>
    public ILoggerFactory? LoggerFactory { get; set; }

    /// <summary>Sends the calls; not together with <see cref="HttpHandler"/>.</summary>
    public HttpClient? HttpClient { get; set; }

    /// <summary>Whether disposing the channel disposes the client or handler given to it.</summary>
    public bool DisposeHttpClient { get; set; }

    public HttpMessageHandler? HttpHandler { get; set; }

    /// <summary>Whether a cancelled call throws <see cref="OperationCanceledException"/> rather than <see cref="RpcException"/>.</summary>
    public bool ThrowOperationCanceledOnCancellation { get; set; }

    /// <summary>Whether call credentials are sent in clear text over <c>http</c>; otherwise they are left out there.</summary>
    public bool UnsafeUseInsecureChannelCallCredentials { get; set; }

    public IServiceProvider? ServiceProvider { get; set; }
}

/// <summary>Connections to a server, over HTTP/2; with an address of <c>http</c> in clear text with prior knowledge (RFC 9113, 3.3).</summary>
public sealed class GrpcChannel : ChannelBase, IDisposable
{
    private readonly HttpMessageInvoker _invoker;
    private readonly bool _disposeInvoker;
    private readonly CancellationTokenSource _disposed = new();
    private readonly ConcurrentDictionary<IMethod, Uri> _uris = new();

    private GrpcChannel(Uri address, GrpcChannelOptions options)
        : base(address.Authority)
    {
        if (options.HttpClient is not null && options.HttpHandler is not null)
            throw new ArgumentException($"{nameof(GrpcChannelOptions.HttpClient)} and {nameof(GrpcChannelOptions.HttpHandler)} have been configured. Only one of them can be.", nameof(options));
        if (address.Scheme is not ("http" or "https"))
            throw new ArgumentException($"The scheme '{address.Scheme}' is not one of a gRPC address.", nameof(address));
        if (options.Credentials is not null && options.Credentials.IsSecure != (address.Scheme == "https"))
            throw new InvalidOperationException($"Channel is configured with {(options.Credentials.IsSecure ? "secure" : "insecure")} channel credentials and can't use the scheme '{address.Scheme}'.");
        Address = address;
        Options = options;
        _disposeInvoker = options.DisposeHttpClient || (options.HttpClient is null && options.HttpHandler is null);
        _invoker = options.HttpClient ?? new HttpMessageInvoker(options.HttpHandler ?? CreateHandler(), _disposeInvoker);
    }

    internal Uri Address { get; }

    internal GrpcChannelOptions Options { get; }

    internal CancellationToken Disposed => _disposed.Token;

    internal bool SendsCallCredentials => Address.Scheme == "https" || Options.UnsafeUseInsecureChannelCallCredentials;

    public static GrpcChannel ForAddress(string address) => ForAddress(address, new GrpcChannelOptions());

    public static GrpcChannel ForAddress(string address, GrpcChannelOptions channelOptions) => ForAddress(new Uri(address), channelOptions);

    public static GrpcChannel ForAddress(Uri address) => ForAddress(address, new GrpcChannelOptions());

    /// <exception cref="ArgumentException">The address is neither <c>http</c> nor <c>https</c>, or the options contradict each other.</exception>
    public static GrpcChannel ForAddress(Uri address, GrpcChannelOptions channelOptions)
    {
        ArgumentNullException.ThrowIfNull(address);
        ArgumentNullException.ThrowIfNull(channelOptions);
        return new GrpcChannel(address, channelOptions);
    }

    public override CallInvoker CreateCallInvoker()
    {
        ObjectDisposedException.ThrowIf(_disposed.IsCancellationRequested, this);
        return new ChannelCallInvoker(this);
    }

    /// <summary>Cancels the calls that are under way.</summary>
    public void Dispose()
    {
        if (_disposed.IsCancellationRequested)
            return;
        _disposed.Cancel();
        if (_disposeInvoker)
            _invoker.Dispose();
    }

    protected override Task ShutdownAsyncCore()
    {
        Dispose();
        return Task.CompletedTask;
    }

    internal static SocketsHttpHandler CreateHandler() => new() { EnableMultipleHttp2Connections = true };

    internal Uri GetUri(IMethod method) => _uris.GetOrAdd(method, static (method, address) => new Uri(address, method.FullName), Address);

    internal Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) => _invoker is HttpClient client
        ? client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken)
        : _invoker.SendAsync(request, cancellationToken);
}
