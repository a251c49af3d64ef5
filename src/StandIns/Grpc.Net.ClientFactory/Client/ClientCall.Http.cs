using System.IO.Pipelines;
using System.Net;
using System.Net.Http.Headers;
using Grpc.Core;
using Grpc.Core.Wire;

namespace Grpc.Net.Client;

/// <summary>The call as a request and response of HTTP/2.</summary>
internal sealed partial class ClientCall<TRequest, TResponse>
{
    private (Status Status, Metadata Trailers)? _trailersOnly;

    /// <summary>Sends the request and reads the headers of the response; null when there are only trailers.</summary>
    /// <exception cref="RpcException">The response is not one of gRPC.</exception>
    private async Task<MessageReader<TResponse>?> StartAsync(TRequest request)
    {
        _stop.Token.ThrowIfCancellationRequested();
        _request = await CreateRequestAsync(request);
        var response = _response = await _channel.SendAsync(_request, _stop.Token);
        var headers = ReadMetadata(response.Headers);
        if (Find(response.Headers, WireFormat.StatusHeader) is { } status)
        {
            _trailersOnly = (WireFormat.Parse(status, Find(response.Headers, WireFormat.MessageHeader)), headers);
            _responseHeaders.TrySetResult(headers);
            return null;
        }

        if (Check(response) is { } bad)
            throw new RpcException(bad, headers);
        _responseHeaders.TrySetResult(headers);
        _pipe = PipeReader.Create(await response.Content.ReadAsStreamAsync(_stop.Token), ReaderOptions);
        return new MessageReader<TResponse>(
            _pipe, _method.ResponseMarshaller.ContextualDeserializer, _channel.Options.MaxReceiveMessageSize,
            Find(response.Headers, WireFormat.EncodingHeader), StatusCode.Internal);
    }

    private async Task<HttpRequestMessage> CreateRequestAsync(TRequest request)
    {
        var message = new HttpRequestMessage(HttpMethod.Post, _channel.GetUri(_method))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new RequestContent(request, _method.RequestMarshaller, _channel.Options.MaxSendMessageSize),
        };
        message.Headers.Host = _host;
        message.Headers.TryAddWithoutValidation("te", "trailers");
        message.Headers.TryAddWithoutValidation(WireFormat.AcceptEncodingHeader, WireFormat.Identity);
        AddMetadata(message.Headers, _options.Headers);
        AddMetadata(message.Headers, await CreateCredentialsAsync());
        if (!message.Headers.NonValidated.Contains("user-agent"))
            message.Headers.TryAddWithoutValidation("user-agent", "grpc-dotnet-standin/2.76 (.NET)");
        if (_options.Deadline is { } deadline && deadline != DateTime.MaxValue)
            message.Headers.TryAddWithoutValidation(WireFormat.TimeoutHeader, WireFormat.EncodeTimeout(Remaining(deadline)));
        return message;
    }

    private async ValueTask<Metadata?> CreateCredentialsAsync()
    {
        var ofChannel = _channel.Options.Credentials?.CallCredentials;
        if (!_channel.SendsCallCredentials || (ofChannel is null && _options.Credentials is null))
            return null;
        var metadata = new Metadata();
        var context = new AuthInterceptorContext(
            $"{_channel.Address.GetLeftPart(UriPartial.Authority)}/{_method.ServiceName}", _method.Name, _stop.Token);
        if (ofChannel is not null)
            await ofChannel.ApplyAsync(context, metadata);
        if (_options.Credentials is not null)
            await _options.Credentials.ApplyAsync(context, metadata);
        return metadata;
    }

    private (Status Status, Metadata Trailers) ReadEnd()
    {
        if (_trailersOnly is { } end)
            return end;
        var headers = _response!.TrailingHeaders;
        return Find(headers, WireFormat.StatusHeader) is { } status
            ? (WireFormat.Parse(status, Find(headers, WireFormat.MessageHeader)), ReadMetadata(headers))
            : (new Status(StatusCode.Cancelled, "No grpc-status found on response."), ReadMetadata(headers));
    }

    private static Status? Check(HttpResponseMessage response)
    {
        if (response.StatusCode != HttpStatusCode.OK)
            return new Status(TransportStatus.FromHttp(response.StatusCode), $"Bad gRPC response. HTTP status code: {(int)response.StatusCode}");
        if (response.Version < HttpVersion.Version20)
            return new Status(StatusCode.Internal, $"Bad gRPC response. Response protocol downgraded to HTTP/{response.Version}.");
        var contentType = response.Content.Headers.NonValidated.TryGetValues("content-type", out var values) ? values.ToString() : null;
        if (contentType is null)
            return new Status(StatusCode.Cancelled, "Bad gRPC response. Response did not have a content-type header.");
        return WireFormat.IsContentType(contentType)
            ? null
            : new Status(StatusCode.Cancelled, $"Bad gRPC response. Invalid content-type value: {contentType}");
    }

    private static void AddMetadata(HttpRequestHeaders headers, Metadata? metadata)
    {
        foreach (var entry in metadata ?? Metadata.Empty)
        {
            if (!WireFormat.IsReserved(entry.Key))
                headers.TryAddWithoutValidation(entry.Key, WireFormat.EncodeValue(entry));
        }
    }

    private static Metadata ReadMetadata(HttpResponseHeaders headers)
    {
        var metadata = new Metadata();
        foreach (var (name, values) in headers.NonValidated)
        {
            foreach (var value in values)
                WireFormat.AddHeader(metadata, name, value);
        }

        return metadata;
    }

    private static string? Find(HttpResponseHeaders headers, string name) =>
        headers.NonValidated.TryGetValues(name, out var values) ? values.ToString() : null;

    /// <summary>Serializes as it is sent, since a connection that closes early makes the handler send it again on another.</summary>
    private sealed class RequestContent : HttpContent
    {
        private readonly TRequest _message;
        private readonly Marshaller<TRequest> _marshaller;
        private readonly int? _maxMessageSize;

        public RequestContent(TRequest message, Marshaller<TRequest> marshaller, int? maxMessageSize)
        {
            _message = message;
            _marshaller = marshaller;
            _maxMessageSize = maxMessageSize;
            Headers.TryAddWithoutValidation("content-type", WireFormat.ContentType);
        }

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
            SerializeToStreamAsync(stream, context, CancellationToken.None);

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
        {
            using var buffer = new PooledBuffer();
            new MessageWriter(buffer, _maxMessageSize).Write(_message, _marshaller.ContextualSerializer);
            await stream.WriteAsync(buffer.Written, cancellationToken);
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
