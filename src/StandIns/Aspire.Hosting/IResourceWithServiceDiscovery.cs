using Aspire.Hosting.ApplicationModel;

namespace Aspire.Hosting;

/// <summary>What others find by name: services__name__endpoint__0.</summary>
public interface IResourceWithServiceDiscovery : IResourceWithEndpoints;
